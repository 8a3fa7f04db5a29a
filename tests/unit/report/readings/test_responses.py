"""Models of responses with headings for readers, against rows made by hand."""

from typing import Any

import pandas as pd

from memorability.report.readings.responses import effects_of_models, models_for_reading


def model_row(quantity: str, scale: str, estimate: float, **more: Any) -> dict[str, Any]:
    return {
        "answers": "hits", "predictor": "", "quantity": quantity, "scale": scale,
        "estimate": estimate, "ci_low": estimate - 0.1, "ci_high": estimate + 0.1, "p": 0.02,
        "images": 50, "subcategories": 5, "observers": pd.NA, "responses": 2000,
    } | more  # fmt: skip


def test_models_of_responses_are_shown_by_error_and_by_what_varies() -> None:
    models = pd.DataFrame(
        [
            model_row("reliability", "share", 0.8),
            model_row("reliability", "share", 0.6, answers="false_alarms"),
            model_row("overdispersion", "share", 0.2),
            *(
                model_row(quantity, scale, 0.3, predictor=predictor)
                for predictor in ("error_mse", "error_external_theirs")
                for quantity, scale in (("effect", "logit"), ("change_of_rate", "rate"))
            ),
        ]
    )
    effects = effects_of_models(models)
    assert effects["error"].tolist() == ["MSE", "theirs, external"]
    assert effects["change of the rate per SD"].tolist() == ["0.300 [0.200, 0.400]"] * 2
    assert effects["scale"].tolist() == ["logit"] * 2
    assert effects["images"].tolist() == [50, 50]
    shown = models_for_reading(models)
    assert shown.to_numpy().tolist() == [
        ["Reliability of the rate", "share", "0.800 [0.700, 0.900]", "0.600 [0.500, 0.700]"],
        ["Correlation of two responses to one image", "share", "0.200 [0.100, 0.300]", "–"],
    ]
    assert list(shown.columns) == ["quantity", "scale", "hits", "false alarms"]
    for nothing in (effects_of_models(models.iloc[:0]), models_for_reading(models.iloc[:0])):
        assert nothing.empty
