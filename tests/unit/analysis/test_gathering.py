import pandas as pd

from memorability.analysis.gathering import SHOWN, best_and_worst


def test_best_and_worst_are_the_ends_of_the_order_of_errors() -> None:
    values = [0.5, 0.1, 0.9, 0.1, float("nan"), *[0.4] * 20]
    errors = pd.DataFrame({"image_id": [f"i{k:02d}" for k in range(25)], "value": values})
    shown = best_and_worst(errors)
    assert list(shown["kind"]) == ["best"] * SHOWN + ["worst"] * SHOWN
    best, worst = (shown.loc[shown["kind"] == kind, "image_id"] for kind in ("best", "worst"))
    # Equal errors stand in the order of the images.
    assert list(best[:3]) == ["i01", "i03", "i05"]
    assert list(worst[:3]) == ["i02", "i00", "i05"]


def test_no_image_is_both_best_and_worst() -> None:
    errors = pd.DataFrame({"image_id": list("abc"), "value": [0.1, 0.2, 0.3]})
    assert list(best_and_worst(errors)["image_id"]) == ["a", "c"]
