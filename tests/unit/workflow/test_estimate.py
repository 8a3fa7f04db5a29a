"""What jobs take, against cases by hand; every rule is thought of; the page in words."""

import re
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from snakemake.utils import update_config

from memorability.analysis.gathering import SOURCES
from memorability.autoencoder.architecture import Architecture, Autoencoder
from memorability.base.errors import InputError
from memorability.base.settings import from_params
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.study import job_settings, paths
from memorability.study.resolve import resolve
from memorability.study.study import Study
from memorability.workflow.cost_figures import (
    FIGURES,
    AutoencoderSeconds,
    Calibration,
    LossSeconds,
    Sizes,
    latent_size,
    sizes_of,
)
from memorability.workflow.estimate import disk_bytes, estimate, in_words, page, passing_bytes
from memorability.workflow.job_times import JobSeconds
from memorability.workflow.planned_jobs import Job

ROOT = Path(__file__).parents[3]
PAPER = {"protocol": "paper", "lr": "5e-6", "seed": "0"}
MODEL = AutoencoderSeconds(train=2.0, reconstruct=0.5, encode=0.25, attribute=0.5)
CALIBRATION = Calibration(
    "cpu",
    1,
    {("conv7x7", "upsample_conv", True): MODEL},
    {
        "mse": LossSeconds(describe=0, train=0.0, measure=0.0),
        "lpips_vgg": LossSeconds(describe=0.25, train=1.0, measure=0.5),
    },
    start=4.0,
    spread=1.1,
)


def study(overlay: dict[str, Any] | None = None) -> Study:
    config = deepcopy(yaml.safe_load((ROOT / "config.yaml").read_text()))
    update_config(config, {"losses": ["lpips_vgg", "mse"], "selected": {"loss": "mse"}})
    update_config(config, overlay or {})
    return resolve(config, ROOT)


def seconds(rule: str, overlay: dict[str, Any] | None = None, **how: Any) -> float:
    chosen = study(overlay)
    job = Job(rule, how.pop("wildcards", PAPER), how.pop("inputs", ()), (), **how)
    return JobSeconds(chosen, sizes_of(chosen), CALIBRATION)(job)


def test_every_rule_has_a_formula_and_every_formula_a_rule() -> None:
    text = "\n".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    rules = set(re.findall(r"^ *(?:use )?rule (?:\w+ as )?(\w+)", text, flags=re.MULTILINE))
    chosen = study()
    # The rule fetch makes nothing: it gathers files.
    assert set(JobSeconds(chosen, sizes_of(chosen), CALIBRATION).rules) == rules - {"fetch"}


@pytest.mark.parametrize(
    ("protocol", "width"),
    [("paper", 1), ("paper_text", 1), ("untrained_start", 0.25), ("untrained_start", 0.0625)],
)
def test_latents_have_the_size_of_the_autoencoders(protocol: str, width: float) -> None:
    selected = {"protocol": protocol}
    chosen = study({"autoencoder": {"width": width}, "protocols": [protocol], "selected": selected})
    architecture = from_params(Architecture, job_settings.architecture(chosen, protocol))
    with torch.device("meta"):
        assert latent_size(chosen) == Autoencoder(architecture).latent_dim


@pytest.mark.parametrize(
    ("what", "columns", "says"),
    [
        ("scores", {"file": "file", "score": "score"}, "has no column 'score'"),
        (
            "trials",
            {"observer": "who", "file": "file", "response": "key", "repeat": "again"},
            "who",
        ),
    ],
)
def test_a_table_with_a_mistake_is_refused_before_anything_is_timed(
    tmp_path: Path, what: str, columns: dict[str, str], says: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("file,rating\na.jpg,5\n", encoding="utf-8")
    chosen = study(
        {
            "study": "mistaken",
            "dataset": {
                "kind": "folder", "images": str(tmp_path), what: str(table), "columns": columns,
            },
            "prediction": {"split": {"kind": "stratified"}},
        }
    )  # fmt: skip
    with pytest.raises(InputError, match=says):
        estimate(chosen, [])


def test_every_quantity_is_correlated_in_some_time() -> None:
    for quantity in SOURCES:
        assert seconds("correlate", wildcards={"quantity": quantity}) > 4


@pytest.mark.parametrize(
    ("loss", "overlay", "by_hand"),
    [
        ("mse", {}, 10_000 * (2.0 + 0.5)),
        ("lpips_vgg", {}, 10_000 * (2.0 + 1.0 + 0.5 + 0.5)),
        # Stored targets are taken from both passes.
        ("lpips_vgg", {"compute": {"stored_targets": ["lpips_vgg"]}}, 10_000 * (4.0 - 2 * 0.25)),
        ("mse", {"epochs": 3}, 3 * 10_000 * 2.5),
    ],
    ids=["mse", "lpips_vgg", "stored targets", "epochs"],
)
def test_a_run_trains_and_measures_every_image(
    loss: str, overlay: dict[str, Any], by_hand: float
) -> None:
    wildcards = PAPER | {"loss": loss}
    assert seconds("finetune", overlay, wildcards=wildcards) == pytest.approx(4 + by_hand)


def test_other_jobs_by_hand() -> None:
    wildcards = PAPER | {"loss": "mse"}
    assert seconds("finetune_decay", wildcards=wildcards) == 4 + 20 * 10_000 * 2.5
    assert seconds("encode", wildcards=wildcards) == 4 + 2_500
    # A reconstruction of each image, measured by each loss once.
    assert seconds("measure_matrix", wildcards=wildcards) == 4 + 10_000 * (0.5 + 0.5)
    # Five seeds before fine-tuning, five without training, and grey.
    assert seconds("measure_controls") == 4 + 10_000 * (10 * 0.5 + 11 * 0.5)
    # 3,177 test images, 50 points; two threads where the calibration had one.
    assert seconds("attribute", threads=2) == 4 + 3_177 * 50 * 0.5 / 2
    assert seconds("check_attributions", threads=2) == 4 + 14 * 100 * 50 * 0.5 / 2
    assert seconds("measure_objects") == 4 + 10_000 * 7 / 20
    assert seconds("measure_distinctiveness") == 4 + 10_000**2 * FIGURES["pair"]
    assert seconds("predict") == 4 + 50 * 5_892 * FIGURES["predict"]
    search = {"prediction": {"search": {"kind": "tpe", "trials": 9, "jobs": 4}}}
    assert seconds("search_predictor", search) == 4 + 3 * 50 * 5_892 * FIGURES["predict"]
    # 130 runs, 10 of the selected rates; those also without each of 10,000 images.
    resampled = (2 * 130 * 10_000 + 10 * 10 * (10_000 + 10_000)) * 10_000 * FIGURES["resample"]
    assert seconds("correlate", wildcards={"quantity": "error"}) == pytest.approx(4 + resampled)
    # Five seeds and four measures, all of them in detail.
    resampled = 10 * 5 * 4 * (10_000 + 10_000) * 10_000 * FIGURES["resample"]
    # Five runs of two losses beside six controls.
    given = 2 * 6 * 5 * 2 * 10_000 * 1000 * FIGURES["resample"]
    assert seconds("compare_controls") == pytest.approx(4 + given)
    distinctiveness = seconds("correlate", wildcards={"quantity": "distinctiveness"})
    assert distinctiveness == pytest.approx(4 + resampled)
    assert seconds("map_latents") == pytest.approx(4 + 10_000 * 25_088 * 4 * FIGURES["byte"])
    assert seconds("read_scores") == pytest.approx(4 + 10_000 * FIGURES["row"])
    assert seconds("plot_scores") == 4 + FIGURES["figure"]


def test_epochs_of_the_decoder_alone_take_two_thirds_of_others(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"a name counts")
    stages = {"images": str(tmp_path), "epochs": 2, "decoder_first": {"epochs": 3}}
    overlay = {
        "protocols": ["pretrained_start"],
        "selected": {"protocol": "pretrained_start"},
        "pretraining": stages,
    }
    wildcards = {"bottleneck": "conv7x7", "decoder": "upsample_conv", "batch_norm": "yes"}
    taken = seconds("pretrain", overlay, wildcards=wildcards)
    assert taken == pytest.approx(4 + 3 * (2 + 3 * 2 / 3) * 2.0)


def test_images_are_known_counted_or_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sizes_of(study()) == Sizes(10_000, 5, 5_892, 3_177)
    lamem = {"dataset": {"kind": "lamem"}, "prediction": {"split": {"kind": "official"}}}
    assert sizes_of(study(lamem)).images == 58_741
    pd.DataFrame({"name": list("abcd"), "m": 0.5, "group": list("xxyz")}).to_csv("scores.csv")
    columns = {"file": "name", "score": "m", "category": "group"}
    own = {
        "dataset": {"kind": "folder", "images": "x", "scores": "scores.csv", "columns": columns},
        "prediction": {
            "split": {"kind": "stratified", "train": 0.5, "validation": 0.2, "test": 0.3}
        },
    }
    assert sizes_of(study(own)) == Sizes(images=4, categories=3, train=2, test=1)
    pd.DataFrame({"o": 1, "name": list("aabbcc"), "r": 1}).to_csv("trials.csv")
    trials = {
        "kind": "folder", "images": "x", "trials": "trials.csv",
        "columns": {"observer": "o", "file": "name", "response": "r", "repeat": "r2"},
    }  # fmt: skip
    assert sizes_of(study(own | {"dataset": trials})).images == 3
    table = Path(paths.image_table(study(own)))
    table.parent.mkdir(parents=True)
    pd.DataFrame({"image_id": list("abc")}).to_parquet(table)
    assert sizes_of(study(own)).images == 3  # one was left out


def test_predictors_of_pixels_by_hand() -> None:
    names = ["efficientnet_lite0_ridge", "resmem_published"]
    chosen = study({"prediction": {"pixel_predictors": names}})
    seconds = JobSeconds(chosen, sizes_of(chosen), CALIBRATION)
    fit, published = (PIXEL_PREDICTORS[name] for name in names)
    job = Job("score_pixels", {"head": "resmem_published"}, (), (), threads=2)
    assert seconds.beyond_start(job) == pytest.approx(10_000 * published.seconds / 2)
    job = Job(
        "fit_pixel_predictor", {"head": "efficientnet_lite0_ridge", "target": "score"}, (), ()
    )
    passes = 10_000 + 5_892 * fit.passes
    assert seconds.beyond_start(job) == pytest.approx(passes * fit.seconds)
    job = Job("view_images", {"view": "squashed_to_224"}, (), (), threads=2)
    assert seconds.beyond_start(job) == pytest.approx(10_000 * FIGURES["prepare"] / 2)


def test_looks_at_images_by_hand() -> None:
    name = "resmem_published"
    prediction = {"prediction": {"pixel_predictors": [name]}}
    chosen = study(prediction | {"where": {"predictors": [name], "images": 200}})
    seconds = JobSeconds(chosen, sizes_of(chosen), CALIBRATION)
    each = PIXEL_PREDICTORS[name].seconds
    job = Job("ablate_images", {}, (), (), threads=2)
    assert seconds.beyond_start(job) == pytest.approx(200 * (1.5 + 40 * each / 2))
    job = Job("map_images", {}, (), (), threads=2)
    assert seconds.beyond_start(job) == pytest.approx(100 * 130 * each / 2)
    few = study(prediction | {"where": {"predictors": [name], "images": 10**6}})
    most = JobSeconds(few, sizes_of(few), CALIBRATION)
    job = Job("ablate_images", {}, (), ())
    assert most.beyond_start(job) == pytest.approx(3177 * (1.5 + 40 * each))


def test_further_data_sets_by_hand(tmp_path: Path) -> None:
    names = ["efficientnet_lite0_ridge", "resmem_published"]
    rows = pd.DataFrame({"f": ["a.png", "b.png", "c.png"], "s": [0.1, 0.2, 0.3]})
    rows.to_csv(tmp_path / "s.csv", index=False)
    mine = {
        "kind": "folder", "images": str(tmp_path), "scores": str(tmp_path / "s.csv"),
        "columns": {"file": "f", "score": "s"},
    }  # fmt: skip
    test_on = {"lamem": {"kind": "lamem"}, "mine": mine}
    chosen = study({"prediction": {"pixel_predictors": names, "test_on": test_on}})
    assert sizes_of(chosen).further == {"lamem": 58_741, "mine": 3}
    seconds = JobSeconds(chosen, sizes_of(chosen), CALIBRATION)
    fit, published = (PIXEL_PREDICTORS[name].seconds for name in names)
    for name, images in sizes_of(chosen).further.items():
        for head, each in ((names[0], 3 * fit), (names[1], published)):
            job = Job("score_test_set", {"set": name, "head": head}, (), (), threads=2)
            assert seconds.beyond_start(job) == pytest.approx(images * each / 2)
    assert seconds.beyond_start(Job("compare_on_test_sets", {}, (), ())) > 0
    (tmp_path / "s.csv").unlink()
    assert sizes_of(chosen).further["mine"] == 0


def test_disk_by_hand() -> None:
    chosen = study({"compute": {"stored_targets": ["lpips_vgg"]}})
    sizes = sizes_of(chosen)
    lasting = disk_bytes(chosen, sizes)
    assert lasting["models"] == 2 * 13 * 5 * 128e6
    assert lasting["latents"] == 6 * 10_000 * 25_088 * 4  # of five seeds, and the predictor's copy
    assert lasting["prepared images"] == 10_000 * 3 * 224 * 224
    assert lasting["images as predictors read them"] == 0
    read = study(
        {"prediction": {"pixel_predictors": ["efficientnet_lite0_ridge", "resmem_published"]}}
    )
    assert disk_bytes(read, sizes)["images as predictors read them"] == 10_000 * 3 * 224 * 224
    passing = passing_bytes(chosen, sizes, cores=4)
    assert passing["models, until a loss is done"] == 0
    # Maps of VGG's five stages, 24 MB an image.
    values = sum(
        channels * (224 >> stage) ** 2 for stage, channels in enumerate((64, 128, 256, 512, 512))
    )
    assert passing["stored targets"] == 10_000 * 4 * values
    assert passing["training state, 4 at a time"] == 4 * 3 * 128e6
    selected = study({"keep_checkpoints": "selected"})
    assert disk_bytes(selected, sizes)["models"] == 5 * 128e6
    assert passing_bytes(selected, sizes, 1)["models, until a loss is done"] == 65 * 128e6


def test_the_page_says_jobs_cores_disk_and_doubts() -> None:
    chosen = study()
    sizes = sizes_of(chosen)
    wildcards = {"loss": "mse", **PAPER}
    jobs = [Job("finetune", wildcards, (), (str(number),), memory=4000) for number in range(8)]
    text = page(chosen, sizes, CALIBRATION, [*jobs, Job("plot_scores", {}, (), ("p",))])
    assert "10,000 images, 130 runs, 9 jobs still to be made" in text
    assert re.search(r"^finetune, mse +8 +6\.9 h +2\.3 days$", text, re.MULTILINE)
    assert re.search(r"^others: mostly their start +1 +7\.0 s", text, re.MULTILINE)
    # 8 × 25,004 s, on one core with a plot and on eight without waiting.
    assert re.search(r"^ +1 +2\.3 days +4 GB$", text, re.MULTILINE)
    assert re.search(r"^ +8 +6\.9 h +32 GB$", text, re.MULTILINE)
    assert "what one would take is not known" in text
    assert "within 10%" in text
    assert "0 jobs still to be made" in page(chosen, sizes, CALIBRATION, [])


def test_a_study_of_tables_has_jobs_and_no_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"file": list("ab"), "score": 0.5}).to_csv("scores.csv")
    columns = {"file": "file", "score": "score"}
    table = {"kind": "table", "scores": "scores.csv", "columns": columns}
    alone = study({"runs": None, "dataset": table})
    jobs = [Job("correlate", {"quantity": "error"}, (), ("b",))]
    text = estimate(alone, jobs)
    assert "2 images, 0 runs, 1 jobs still to be made" in text
    assert "disk" not in text
    assert "were timed here" not in text
    external = Job("measure_external_distinctiveness", {}, (), ())
    expected = 4 + 2**2 * FIGURES["pair"]
    assert JobSeconds(alone, sizes_of(alone), CALIBRATION)(external) == pytest.approx(expected)


def test_where_a_gpu_was_calibrated_the_answer_changes_with_gpus() -> None:
    chosen = study()
    wildcards = {"loss": "mse", **PAPER}
    jobs = [Job("finetune", wildcards, (), (str(number),), gpus=1) for number in range(4)]
    text = page(chosen, sizes_of(chosen), replace(CALIBRATION, device="cuda"), jobs)
    assert re.search(r"^ +GPUs +time", text, re.MULTILINE)
    assert re.search(r"^ +1 +28 h ", text, re.MULTILINE)
    assert re.search(r"^ +4 +6\.9 h ", text, re.MULTILINE)
    assert "not known" not in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.0 s"), (3.96, "4.0 s"), (42, "42 s"), (600, "10 min"), (7_200, "2.0 h"),
        (9_700 * 3_600, "400 days"), (36_000, "10 h"),
    ],
)  # fmt: skip
def test_times_have_two_digits(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
