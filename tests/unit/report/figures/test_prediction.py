from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from memorability.prediction.evaluation import Evaluation, evaluate
from memorability.report.figures import prediction
from memorability.report.figures.learning import pixel_training
from memorability.report.figures.style import save
from memorability.statistics.intervals import Bootstrap

NOTE = "Observers are simulated."
BOOTSTRAP = Bootstrap(draws=50, confidence=0.95, seed=0)


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(Text))  # type: ignore[attr-defined]


def drawn(figure: Figure, directory: Path) -> str:
    save(figure, directory / "figure.svg", directory / "figure.png")
    assert (directory / "figure.png").stat().st_size > 5000
    return texts(figure)


class Study:
    def __init__(self, scores: np.ndarray | None = None) -> None:
        generator = np.random.default_rng(3)
        n = 60 if scores is None else len(scores) + 30
        score = generator.random(n)
        if scores is not None:
            score[30:] = scores
        ids = [f"i{i:02d}" for i in range(n)]
        category = np.array(["animal", "food"])[np.arange(n) % 2]
        self.predictions = pd.DataFrame(
            {
                "image_id": ids, "split": np.where(np.arange(n) < 30, "train", "test"),
                "score": score, "predicted": 0.5 * score + 0.2,
                "category_mean": np.where(category == "food", 0.5, 0.4),
                "subcategory_mean": np.where(category == "food", 0.5, 0.4),
                "image_size": np.nan,
            }
        )  # fmt: skip
        labels = {"category": category, "subcategory": ""}
        self.images = pd.DataFrame({"image_id": ids} | labels)
        predicted = generator.random(n)
        self.heads = {
            "their_model": pd.DataFrame(
                {"image_id": ids, "other_image_id": ids, "predicted": predicted}
            )
        }

    def evaluation(self) -> Evaluation:
        return evaluate(
            self.predictions, self.heads, None, self.images,
            median_of="train", bootstrap=Bootstrap(draws=20, confidence=0.95, seed=0),
        )  # fmt: skip


def test_predictions_are_drawn_with_curves_of_every_head(tmp_path: Path) -> None:
    study = Study()
    figure = prediction.prediction(
        study.predictions,
        study.heads,
        study.evaluation().metrics,
        median_of="train",
        score="memorability as given",
        note=NOTE,
    )
    shown = drawn(figure, tmp_path)
    assert "MLP on latents: Spearman's r = 1.00,\n30 test images" in shown
    assert "measured memorability as given" in shown
    assert "MLP on latents: 1.00" in shown
    assert "their_model: 0." in shown
    assert "category means: 0." in shown
    assert "the median of the training images" in shown
    assert NOTE in shown
    test = study.predictions[study.predictions["split"] == "test"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), test["score"])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), test["predicted"])


def test_test_images_on_one_side_of_the_median_have_no_curves_but_a_figure(tmp_path: Path) -> None:
    study = Study(np.linspace(0.97, 1, 12))
    figure = prediction.prediction(
        study.predictions,
        study.heads,
        study.evaluation().metrics,
        median_of="train",
        score="memorability as given",
        note=NOTE,
    )
    shown = drawn(figure, tmp_path)
    assert "category means" not in shown
    assert "No curve: none of 12 test images lie" in " ".join(shown.split())


def test_curves_of_too_few_memorable_images_are_not_drawn(tmp_path: Path) -> None:
    study = Study()
    median = study.predictions.loc[study.predictions["split"] == "train", "score"].median()
    test = study.predictions["split"] == "test"
    above = study.predictions.index[test & (study.predictions["score"] >= median)]
    study.predictions.loc[above[2:], "score"] = median - 0.01
    figure = prediction.prediction(
        study.predictions, study.heads, study.evaluation().metrics, median_of="train",
        score="memorability as given", note=NOTE,
    )  # fmt: skip
    shown = " ".join(drawn(figure, tmp_path).split())
    assert "No curve: 2 of 30 test images lie at or above the median" in shown
    assert not figure.axes[1].lines
    assert not figure.axes[2].lines


def test_every_head_has_a_point_in_every_category_that_it_varies_in(tmp_path: Path) -> None:
    found = Study().evaluation()
    figure = prediction.by_category(found.metrics, found.by_category, confidence=0.95, note=NOTE)
    shown = drawn(figure, tmp_path)
    assert "animal\n(15 images)" in shown
    assert "all\n(30 images)" in shown
    points = {line.get_label(): line.get_xdata() for line in figure.axes[0].lines}
    assert np.isfinite(points["MLP on latents"]).all()
    assert list(np.isfinite(points["category means"])) == [True, False, False]
    # Predictions from elsewhere stand before what labels alone predict.
    names = [text for text in points if not str(text).startswith("_")]
    # Means of subcategories equal those of categories here, and say nothing of their own.
    assert names == ["MLP on latents", "their_model", "category means"]


def test_one_category_is_drawn_once(tmp_path: Path) -> None:
    study = Study()
    study.images["category"] = "all"
    found = study.evaluation()
    figure = prediction.by_category(found.metrics, found.by_category, confidence=0.95, note=NOTE)
    drawn(figure, tmp_path)
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == ["all\n(30 images)"]
    assert figure.axes[0].get_title() == "Prediction of unseen images, by head"


def test_labels_that_give_every_image_the_same_value_are_no_rivals(tmp_path: Path) -> None:
    study = Study()
    study.predictions[["category_mean", "subcategory_mean"]] = 0.5
    found = study.evaluation()
    curves = prediction.prediction(
        study.predictions, study.heads, found.metrics, median_of="train", score="score", note=NOTE
    )
    points = prediction.by_category(found.metrics, found.by_category, confidence=0.95, note=NOTE)
    for figure in (curves, points):
        assert "category means" not in drawn(figure, tmp_path)


def test_calibration_shows_spread_slope_and_ends(tmp_path: Path) -> None:
    study = Study()
    found = study.evaluation()
    figure = prediction.calibration(
        study.predictions, found.calibration, BOOTSTRAP, score="memorability as given", note=NOTE
    )
    shown = drawn(figure, tmp_path)
    row = found.calibration.set_index("head").loc["mlp"]
    assert "least squares, slope 2.00" in shown
    assert f"SD {row['sd_predicted']:.3f} predicted, {row['sd_score']:.3f} measured" in shown
    assert f"Predictions lie between {row['floor']:.2f} and {row['ceiling']:.2f}" in shown
    # 30 images are too few for groups of 20.
    assert "single images (under 40: too few for means)" in shown
    assert "interval" not in shown


def test_groups_of_a_calibration_have_at_least_20_images_and_bootstrap_intervals() -> None:
    study = Study(np.linspace(0, 1, 90))
    figure = prediction.calibration(
        study.predictions, study.evaluation().calibration, BOOTSTRAP, score="score", note=NOTE
    )
    curve = figure.axes[1]
    (means,) = [line for line in curve.lines if line.get_marker() == "o"]
    (bars,) = curve.collections
    assert len(means.get_xdata()) == len(bars.get_segments()) == 4
    test = study.predictions[study.predictions["split"] == "test"]
    # The test scores are a line: the groups are its quarters, in the order of the predictions.
    quarters = np.array_split(np.sort(test["score"].to_numpy()), 4)
    np.testing.assert_allclose(
        means.get_ydata(), [quarter.mean() for quarter in quarters], atol=0.02
    )
    for (low, high), middle in zip(
        [segment[:, 1] for segment in bars.get_segments()], means.get_ydata(), strict=True
    ):
        assert low < middle < high
    assert "95 % interval" in texts(figure)


def test_equal_predictions_have_no_calibration() -> None:
    study = Study(np.linspace(0, 1, 90))
    study.predictions["predicted"] = 0.5
    figure = prediction.calibration(
        study.predictions, study.evaluation().calibration, BOOTSTRAP, score="score", note=NOTE
    )
    assert not figure.axes[1].lines
    assert "every image has the same prediction" in " ".join(texts(figure).split())


def test_categories_of_few_test_images_are_named_and_not_drawn(tmp_path: Path) -> None:
    study = Study(np.linspace(0, 1, 26))
    study.images["category"] = np.where(np.arange(len(study.images)) % 8 == 0, "few", "many")
    found = study.evaluation()
    figure = prediction.by_category(found.metrics, found.by_category, confidence=0.95, note=NOTE)
    assert "Not drawn, under 10 test images: few (3)." in " ".join(drawn(figure, tmp_path).split())
    rows = [tick.get_text().split("\n")[0] for tick in figure.axes[0].get_yticklabels()]
    assert rows == ["all", "many"]


def test_fewer_than_10_test_images_have_a_figure_that_says_so(tmp_path: Path) -> None:
    found = Study(np.linspace(0, 1, 6)).evaluation()
    figure = prediction.by_category(found.metrics, found.by_category, confidence=0.95, note=NOTE)
    assert "Fewer than 10 test images tell nothing." in " ".join(drawn(figure, tmp_path).split())


def test_learning_marks_the_epoch_whose_weights_are_kept(tmp_path: Path) -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "train_loss": [0.3, 0.2, 0.1], "validation_loss": [0.3, 0.1, 0.2]}
    )
    figure = prediction.learning(history, note=NOTE)
    assert "3 epochs, best after 2" in drawn(figure, tmp_path)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_search_is_drawn_with_its_choice(lost: int, tmp_path: Path) -> None:
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2], "hidden": ["8", "8-4", "4"], "learning_rate": [1e-2, 1e-3, 1e-4],
            "batch_size": 8, "dropout": 0.25, "weight_decay": 0.01,
            "validation_loss": [0.3, 0.1, np.nan if lost else 0.2], "chosen": [False, True, False],
        }
    )  # fmt: skip
    shown = drawn(prediction.search(trials, note=NOTE), tmp_path)
    assert "chosen: 8-4 units, learning rate 0.001" in shown
    assert ("3 trials, 1 of which diverged" in shown) == bool(lost)


# Training on pixels


@pytest.mark.parametrize("targets", [["score"], ["score", "false_alarm_rate"]])
def test_each_training_on_pixels_has_a_panel_with_both_errors(targets: list[str]) -> None:
    heads = ["resnet50_narrow", "memnet_trained"]
    trainings = [(head, target) for head in heads for target in targets]
    if len(targets) > 1:
        trainings.remove(("memnet_trained", "false_alarm_rate"))
    rows = [
        {"head": head, "target": target, "epoch": epoch, "train_error": 1 / epoch,
         "validation_error": 2 / epoch}
        for head, target in trainings for epoch in (1, 2, 3)
    ]  # fmt: skip
    figure = pixel_training(pd.DataFrame(rows), note="Simulated.")
    drawn = [axes for axes in figure.axes if axes.axison]
    assert len(drawn) == len(trainings)
    for axes in drawn:
        train, validation = axes.lines
        np.testing.assert_allclose(train.get_ydata(), [1, 1 / 2, 1 / 3])
        np.testing.assert_allclose(validation.get_ydata(), [2, 1, 2 / 3])
    assert [axes.get_ylabel().partition("\n")[0] for axes in drawn if axes.get_ylabel()] == [
        "ResNet-50, an eighth as", "MemNet, trained anew",
    ]  # fmt: skip
