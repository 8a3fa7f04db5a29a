"""What ablations say of a predictor: against hand-worked cases and independent references."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from memorability.base.seeding import numpy_stream
from memorability.report.where.ablations import (
    ablations_figure,
    ablations_in_words,
    examples_figure,
    write_ablations,
)
from memorability.statistics.inference import mean_inference
from memorability.statistics.intervals import Bootstrap
from memorability.tables import store
from memorability.where.ablation_summary import (
    TESTED,
    SummarySettings,
    summarise,
)

BOOTSTRAP = Bootstrap(2000, 0.95, 0)
SETTINGS = SummarySettings(bootstrap=BOOTSTRAP)
EFFECTS = {
    "grey": 0.02,
    "blur_5": 0.05,
    "flattened": 0.01,
    "salient_removed": -0.2,
    "face_removed": 0.1,
}


def planted(
    count: int, *, ignores: bool = False, subcategories: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return `ablation_scores` and images where each ablation has the effect of `EFFECTS`."""
    stream = numpy_stream(1, "planted")
    ids = [f"i{number:03d}" for number in range(count)]
    rows = []
    for number, image_id in enumerate(ids):
        before = 0.5 if ignores else stream.uniform(0.3, 0.7)
        made = {("none", ""): 0.0, ("reencoded", ""): 0.001, ("mirrored", ""): -0.004}
        for name, effect in EFFECTS.items():
            if name == "face_removed" and number % 2:
                continue
            made[name, ""] = effect + stream.normal(0, 0.01)
            made[name, "noise"] = 0.03
        if number < 5:
            made["person_removed", ""], made["person_removed", "noise"] = 0.3, 0.0
        for (name, control), change in made.items():
            rows.append(
                {
                    "predictor": "resmem_published", "image_id": image_id, "ablation": name,
                    "control": control, "predicted": before + (0.0 if ignores else change),
                    "mean_square": 0.01, "area": np.nan,
                }
            )  # fmt: skip
    images = pd.DataFrame({"image_id": ids})
    images["category"] = np.where(np.arange(count) % 3 == 0, "animal", "food")
    images["subcategory"] = [f"s{number % subcategories}" for number in range(count)]
    return pd.DataFrame(rows), images


def test_means_intervals_and_p_agree_with_t_tests() -> None:
    scores, images = planted(60)
    table = summarise(scores, images, settings=SETTINGS).ablations
    rows = table[table["group"] == "all"].set_index("ablation")
    wide = scores.pivot_table(index="image_id", columns=["ablation", "control"], values="predicted")
    change = (wide["blur_5", ""] - wide["none", ""]).to_numpy()
    exact = stats.ttest_1samp(change, 0)
    ends = exact.confidence_interval(0.95)
    row = rows.loc["blur_5"]
    assert row["change"] == pytest.approx(change.mean())
    assert [row["change_low"], row["change_high"]] == pytest.approx([*ends], rel=0.02)
    assert row["change_p"] < 1e-10
    noise = (wide["blur_5", "noise"] - wide["none", ""]).abs().to_numpy()
    assert row["beyond_noise"] == pytest.approx((np.abs(change) - noise).mean())
    assert row["n"] == row["images"] == 60
    assert rows.loc["face_removed", "n"] == 30
    assert rows.loc["grey", "share_affected"] == pytest.approx(
        np.mean(np.abs(wide["grey", ""] - wide["none", ""]) > 0.004)
    )
    own = rows.drop(["reencoded", "mirrored"])
    p, adjusted = (
        np.concatenate([own[f"{name}{end}"] for name in TESTED]) for end in ("_p", "_p_holm")
    )
    made = ~np.isnan(p)
    assert adjusted[made] == pytest.approx(multipletests(p[made], method="holm")[1])
    assert rows.loc[["reencoded", "mirrored"], "change_p_holm"].isna().all()


def test_ranks_have_intervals_and_the_few_have_none() -> None:
    scores, images = planted(60)
    tables = summarise(scores, images, settings=SETTINGS)
    rows = tables.ablations[tables.ablations["group"] == "all"].set_index("ablation")
    order = rows["rank_absolute"].dropna().sort_values()
    assert list(order.index) == ["salient_removed", "face_removed", "blur_5", "grey", "flattened"]
    assert (rows.loc[order.index, "rank_absolute_low"] <= order).all()
    assert (rows.loc[order.index, "rank_absolute_high"] >= order).all()
    assert rows.loc["salient_removed", ["rank_absolute_low", "rank_absolute_high"]].tolist() == [
        1,
        1,
    ]
    # Five images with people tell nothing.
    few = rows.loc["person_removed"]
    assert np.isnan([few["rank_absolute"], few["change_low"], few["change_p"]]).all()
    assert few["absolute"] == pytest.approx(0.3)


def test_what_a_predictor_leans_on_is_answered_with_an_interval() -> None:
    scores, images = planted(60)
    tables = summarise(scores, images, settings=SETTINGS)
    answer = tables.answers.set_index("measure").loc["absolute"]
    assert answer["order"] == "object > face > frequency > colour > texture"
    assert answer["by"].split()[0] == "salient_removed"
    rows = tables.ablations[tables.ablations["group"] == "all"].set_index("ablation")["absolute"]
    expected = rows[["salient_removed", "face_removed"]].mean()
    expected -= rows[["blur_5", "grey", "flattened"]].mean()
    assert answer["difference"] == pytest.approx(expected)
    assert answer["ci_low"] < expected < answer["ci_high"]
    assert answer["ci_low"] > 0
    said = ablations_in_words(tables.ablations, tables.answers)
    assert "ResMem, as published is nearer to what people look at" in said
    assert "Not removed, because no image has such a region: objects, text." in said
    assert "Objects stand here for what stands out" in said
    fewest = tables.ablations.query("group == 'all' and ablation in @answer.by.split()")["n"].min()
    assert f"Each is of the images that have it, at least {fewest}." in said


def test_subcategories_are_resampled_where_there_are_ten() -> None:
    scores, images = planted(60, subcategories=12)
    images["subcategory"] = images["category"] + images["subcategory"]
    table = summarise(scores, images, settings=SETTINGS).ablations
    rows = table[table["group"] == "all"].set_index("ablation")
    assert (rows.loc["grey", ["unit", "clusters"]] == ["subcategories", 12]).all()
    assert rows.loc["person_removed", "unit"] == "images"


def test_the_null_is_rejected_as_often_as_it_should_be() -> None:
    labels = {"category": "", "subcategory": ""}
    rejected = 0
    for seed in range(200):
        rows = pd.DataFrame({"change": numpy_stream(seed, "null").normal(size=30), **labels})
        rejected += mean_inference(rows, "change", Bootstrap(200, 0.95, seed)).p < 0.05
    assert 2 <= rejected <= 22  # of 200 at 5 %, with chance below 1 in 1,000 outside


@pytest.mark.parametrize(
    ("count", "ignores", "says"),
    [(1, False, "The ablations of 1 image tell nothing"), (5, False, "of 5 images tell nothing"),
     (20, True, "it ignores what it reads"), (20, False, "changes most when")],
)  # fmt: skip
def test_every_study_ends_in_a_sentence_a_page_and_a_figure(
    count: int, ignores: bool, says: str, tmp_path: Path
) -> None:
    scores, images = planted(count, ignores=ignores)
    tables = summarise(scores, images, settings=SETTINGS)
    for name, table in (("ablations", tables.ablations), ("ablation_answers", tables.answers)):
        store.write(table, tmp_path / f"{name}.parquet", name)
    assert says in ablations_in_words(tables.ablations, tables.answers)
    write_ablations(tables.ablations, tables.answers, tmp_path / "page.html", note="A note.")
    assert says in (tmp_path / "page.html").read_text(encoding="utf-8")
    figure = ablations_figure(tables.ablations, tables.answers, confidence=0.95, note="")
    assert "images affected" in figure.axes[2].get_xlabel()


def test_examples_show_the_change_of_the_score() -> None:
    scores, _ = planted(2)
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    made = {(one, name): pixels for one in ("i000", "i001") for name in ("none", "grey")}
    made["i000", "face_removed"] = pixels
    figure = examples_figure(made, scores, note="")
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 6
    assert titles[1].startswith("+0.0") or titles[1].startswith("−")
    assert titles[-1] == ""
