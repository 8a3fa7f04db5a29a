"""What a notebook imports: `import memorability`.

Each function takes plain arrays or pandas objects, asks for no study, and returns a table. Names,
parameters and columns stay as they are within a major version.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from memorability.analysis.correlations import correlations
from memorability.analysis.gathering import MODEL_KEYS
from memorability.base.errors import InputError, named
from memorability.memory_game.ceiling import noise_ceiling as ceiling_of_images
from memorability.memory_game.scoring import score_counts
from memorability.statistics.intervals import Bootstrap

DRAWS, CONFIDENCE, SEED = 10_000, 0.95, 0
COLUMNS = [
    "group", "method", "n", "r", "ci_low", "ci_high", "ci_method", "p", "unit", "clusters",
    "not_tested", "ceiling", "ceiling_share", "ceiling_share_low", "ceiling_share_high",
]  # fmt: skip


def score_images(
    images: str | Path | Sequence[str | Path],
    predictor: str = "resmem_published",
    *,
    weights: str | Path | None = None,
    mirror: bool = False,
    device: str = "auto",
    batch_size: int = 16,
) -> pd.DataFrame:
    """Return the predicted memorability of photographs.

    Parameters
    ----------
    images
        A file, a folder (its images, in it and below), or several of these.
    predictor
        A name of docs/predictors.md, such as "resmem_published" or "memnet"; or the path of a saved
        predictor of a study, `results/<study>/predictor/bundle.safetensors`.
    weights
        A file of weights of the predictor. Without it they are fetched once, and their licence is
        logged.
    mirror
        Whether a score is the mean of the image's and of its mirror image's.
    device
        "cpu", "cuda", or "auto": a GPU where there is one.
    batch_size
        Images that are scored together.

    Returns
    -------
    pandas.DataFrame
        The table `predictor_scores`, a row per file: file, score (in units of what the predictor
        predicts, mostly 0 to 1; missing where the file cannot be read), reason (why not), predictor,
        predicts, trained_on, version, licence and what else is known of the weights.

    Raises
    ------
    InputError
        If there is no such predictor, a folder holds no image, or the weights can neither be read nor
        fetched.
    """
    import torch

    from memorability.networks.computing import choose_device
    from memorability.pixel_predictors.opening import open_predictor
    from memorability.scorer.score_images import find_files
    from memorability.scorer.side_by_side import of_study, score_side_by_side
    from memorability.sources.fetching import resources_directory

    given = [images] if isinstance(images, str | Path) else images
    files, _ = find_files([str(each) for each in given])
    if Path(predictor).suffix == ".safetensors":
        opened = of_study(Path(predictor))
    else:
        opened = open_predictor(
            predictor, resources=resources_directory(), weights=Path(weights) if weights else None
        )
    return score_side_by_side(
        [opened], files, device=choose_device(device), threads=torch.get_num_threads(),
        batch_size=batch_size, mirror=mirror, on_image=lambda: None,
    )  # fmt: skip


def correlate(
    values: ArrayLike,
    scores: ArrayLike,
    *,
    category: ArrayLike | None = None,
    subcategory: ArrayLike | None = None,
    counts: pd.DataFrame | None = None,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> pd.DataFrame:
    """Return rank correlations with memorability: pooled, within, given and between categories.

    Parameters
    ----------
    values
        (N,) of any unit, one per image.
    scores
        (N,) memorability of the same images, in the same order.
    category, subcategory
        (N,) labels. Of ten subcategories or more, intervals and p hold for new ones.
    counts
        (N) rows with columns hits, false_alarms and responses. With them each correlation stands
        beside the noise ceiling of (hits − false alarms) / responses, which the scores should be.
    draws, confidence
        Of the bootstrap.
    seed
        Of the resamples: the same seed gives the same bounds to the last bit.

    Returns
    -------
    pandas.DataFrame
        A row per group and method: "pooled" (all images), "within" (each category), "partial" (given
        the category), "mean_within", "between_category" and others, see
        `memorability.statistics.decomposition.correlate`. n is in images; r, ci_low and ci_high are −1
        to 1; unit says what the interval and p hold for, not_tested what p is no test against.
        ceiling_share is r / ceiling, with its interval; missing without counts.

    Raises
    ------
    InputError
        If the columns differ in length, or a value or score is missing.
    """
    images = _image_table(scores, category, subcategory)
    of_values = pd.DataFrame(
        {"image_id": images["image_id"], "value": _numbers("values", values, len(images))}
    ).assign(seed="0", **dict.fromkeys(MODEL_KEYS, ""))
    bootstrap = Bootstrap(draws, confidence, seed)
    ceiling = None
    if counts is not None:
        labels = (images["category"], images["subcategory"])
        ceiling = noise_ceiling(
            counts["hits"], counts["false_alarms"], counts["responses"],
            category=labels[0], subcategory=labels[1], draws=draws, confidence=confidence, seed=seed,
        )  # fmt: skip
    table = correlations(of_values, images, None, ceiling, target="score", bootstrap=bootstrap)
    return table[COLUMNS].reset_index(drop=True)


def noise_ceiling(
    hits: ArrayLike,
    false_alarms: ArrayLike,
    responses: ArrayLike,
    *,
    category: ArrayLike | None = None,
    subcategory: ArrayLike | None = None,
    draws: int = DRAWS,
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> pd.DataFrame:
    """Return the highest rank correlation that a perfect predictor of the scores could reach.

    Parameters
    ----------
    hits, false_alarms
        (N,) counts of an image's "seen before" answers: at its repeat, and at its first showing.
    responses
        (N,) how many people answered to each, at least 1.
    category, subcategory
        (N,) labels.
    draws, confidence, seed
        As of `correlate`.

    Returns
    -------
    pandas.DataFrame
        A row per target ("score" is (hits − false alarms) / responses), group and method: consistency
        of split halves, full_length (by Spearman and Brown), ceiling (its square root) and its
        interval, all 0 to 1; see `memorability.memory_game.ceiling.noise_ceiling`.

    Raises
    ------
    InputError
        If the columns differ in length, or a count is missing or above the responses.
    """
    names = ("hits", "false_alarms", "responses")
    given = dict(zip(names, (hits, false_alarms, responses), strict=True))
    n = len(np.atleast_1d(np.asarray(hits)))
    counts = pd.DataFrame({name: _numbers(name, each, n) for name, each in given.items()})
    try:
        scored = score_counts(counts.astype("int64"))
    except ValueError as error:
        raise InputError(f"{error} Correct hits, false_alarms and responses.") from error
    images = _image_table(scored["score"], category, subcategory)
    return ceiling_of_images(
        pd.concat([images.drop(columns="score"), scored], axis=1),
        bootstrap=Bootstrap(draws, confidence, seed),
    )


def lpips_errors(
    images: NDArray[np.uint8],
    reconstructions: NDArray[np.uint8],
    network: str = "alex",
    *,
    weights: str | Path | None = None,
    batch_size: int = 16,
) -> NDArray[np.float32]:
    """Return the LPIPS distance of each image from its reconstruction.

    Parameters
    ----------
    images, reconstructions
        (N, H, W, 3) uint8, RGB.
    network
        "alex", "vgg" or "squeeze".
    weights
        A file of the network's weights. Without it they are fetched once: AlexNet and VGG16 from a
        package of pip.
    batch_size
        Pairs that are compared together.

    Returns
    -------
    numpy.ndarray
        (N,) float32, 0 or more; 0 for equal images.

    Raises
    ------
    InputError
        If the arrays are no such images, there is no such network, or its weights can neither be read
        nor fetched.

    Notes
    -----
    R. Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, 2018. The
    distance is that of the package lpips, on images in [−1, 1].
    """
    import torch

    from memorability.networks.catalogue import BACKBONES, PACKAGED
    from memorability.networks.losses import LossChoice, make_loss
    from memorability.sources.downloads import registry
    from memorability.sources.fetching import fetch, resources_directory

    networks = {name: BACKBONES[name] for name in ("alex", "vgg", "squeeze")}
    published = named(networks, network, "network of LPIPS")
    for name, each in (("images", images), ("reconstructions", reconstructions)):
        shape = np.shape(each)
        if np.asarray(each).dtype != np.uint8 or len(shape) != 4 or shape[-1] != 3:
            raise InputError(
                f"{name} have shape {shape} and type {np.asarray(each).dtype}. Give uint8 pixels, 0 to "
                "255, of shape (N, height, width, 3)."
            )
    if np.shape(images) != np.shape(reconstructions):
        raise InputError(
            f"images have shape {np.shape(images)}, reconstructions {np.shape(reconstructions)}. "
            "Give as many of the same size."
        )
    if weights is None:
        file = PACKAGED.get(network, published)
        (download,) = (each for each in registry().values() if each.file == file)
        weights = fetch(download, resources_directory())
    choice = LossChoice(
        name=f"lpips_{network}", lpips_range="minus_one_to_one", style_gram="gatys5",
        weights_file=Path(weights),
    )  # fmt: skip
    loss = make_loss(choice)[0]
    errors = [np.empty(0, np.float32)]
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            pair = (
                torch.from_numpy(np.ascontiguousarray(each[start : start + batch_size]))
                .permute(0, 3, 1, 2).float().div(255)
                for each in (images, reconstructions)
            )  # fmt: skip
            errors.append(loss(*pair).numpy())
    return np.concatenate(errors)


def _image_table(
    scores: ArrayLike, category: ArrayLike | None, subcategory: ArrayLike | None
) -> pd.DataFrame:
    """Return an image table of N images, whose names are their places."""
    n = len(np.atleast_1d(np.asarray(scores)))
    table = pd.DataFrame(
        {
            "image_id": [f"{place:09d}" for place in range(n)],
            "score": _numbers("scores", scores, n),
            "category": "all",
            "subcategory": "",
        }
    )
    for name, labels in (("category", category), ("subcategory", subcategory)):
        if labels is not None:
            column = pd.Series(np.asarray(labels, dtype=object))
            _check_length(name, column, n)
            if column.isna().any():
                raise InputError(f"{name} lacks a label in row {int(column.isna().argmax())}.")
            table[name] = column.astype(str)
    return table


def _numbers(name: str, given: ArrayLike, n: int) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} are not numbers: {error}.") from error
    _check_length(name, numbers, n)
    if not np.isfinite(numbers).all():
        place = int(np.argmin(np.isfinite(numbers)))
        raise InputError(
            f"{name} has no finite number in row {place}. Leave such images out of every column."
        )
    return numbers


def _check_length(name: str, column: Any, n: int) -> None:
    if np.shape(column) != (n,):
        raise InputError(
            f"{name} has shape {np.shape(column)}; expected {n} values, one per image."
        )
