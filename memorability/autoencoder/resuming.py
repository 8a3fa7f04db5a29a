"""Training as a job makes it: taken up where an earlier job stopped, until results are written."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from memorability.autoencoder import finetuning, pretraining
from memorability.autoencoder.finetuning import FinetunedRun, RunSettings
from memorability.autoencoder.pretraining import PretrainedModel, PretrainingSettings
from memorability.base.hashes import settings_hash
from memorability.base.job_log import progress
from memorability.networks.training.checkpoints import Checkpoints, arithmetic


@contextmanager
def resumable_run(
    pixels: np.ndarray,
    images: pd.DataFrame,
    settings: RunSettings,
    *,
    device: str,
    targets: Sequence[str],
    code: str,
    inputs: Mapping[str, str],
    seconds: float,
    share: bool,
) -> Iterator[FinetunedRun]:
    """Yield a finished run; its training state is removed when the block ends well, or else shared.

    Parameters
    ----------
    pixels, images, settings, device
        See `memorability.autoencoder.finetuning.finetune`.
    targets
        The file of stored targets, or nothing. It follows from `inputs`.
    code
        Fingerprint of the code that decides the run.
    inputs
        Path -> SHA-256 of the files that it reads, as from `memorability.base.hashes.file_hashes`.
    seconds, share
        See `memorability.networks.training.checkpoints.Checkpoints`.
    """
    key = run_key(images, settings, device=device, code=code, inputs=inputs)
    with Checkpoints(key, seconds, share=share) as checkpoints:
        left = finetuning.images_shown(images, settings) - checkpoints.done
        with progress(left, "fine-tuning") as step:
            run = finetuning.finetune(
                pixels,
                images,
                settings,
                device=device,
                targets=Path(targets[0]) if targets else None,
                checkpoints=checkpoints,
                on_image=step,
            )
        yield run


@contextmanager
def resumable_pretraining(
    pixels: np.ndarray,
    settings: PretrainingSettings,
    *,
    device: str,
    code: str,
    inputs: Mapping[str, str],
    seconds: float,
) -> Iterator[PretrainedModel]:
    """Yield a pre-trained model; its training state is removed when the block ends well.

    Parameters are those of `resumable_run` and of `memorability.autoencoder.pretraining.pretrain`.
    """
    decisive = replace(
        settings,
        start=replace(settings.start, weights_file=None),
        compute=replace(settings.compute, device="auto"),
    )
    key = settings_hash(["pretraining", decisive, code, _contents(inputs), arithmetic(device)])
    with Checkpoints(key, seconds) as checkpoints:
        left = pretraining.images_shown(len(pixels), settings) - checkpoints.done
        with progress(left, "pre-training") as step:
            made = pretraining.pretrain(
                pixels, settings, device=device, checkpoints=checkpoints, on_image=step
            )
        yield made


def run_key(
    images: pd.DataFrame,
    settings: RunSettings,
    *,
    device: str,
    code: str,
    inputs: Mapping[str, str],
) -> str:
    """Return the hash of all that decides a run's bits, the same in another study or directory.

    Parameters are those of `resumable_run`. The image table counts by its rows, for its file also
    names the study; other files by what is in them, and not by where they are.
    """
    files = {path: digest for path, digest in inputs.items() if Path(path).suffix != ".parquet"}
    decisive = _placeless(settings)
    return settings_hash([decisive, code, _rows_hash(images), _contents(files), arithmetic(device)])


def _contents(inputs: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return files by their names and what is in them, and not by where they are."""
    return sorted((Path(path).name, digest) for path, digest in inputs.items())


def _placeless(settings: RunSettings) -> RunSettings:
    """Return settings that do not say where files are, nor by which name a device was asked for."""
    file = settings.loss.weights_file
    return replace(
        settings,
        # Its name is what tables call the weights.
        loss=replace(settings.loss, weights_file=None if file is None else Path(file.name)),
        start=replace(
            settings.start, weights_file=None, pretrained_model=None, previous_model=None
        ),
        compute=replace(settings.compute, device="auto"),
    )


def _rows_hash(table: pd.DataFrame) -> str:
    rows = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(",".join(table.columns).encode() + rows.tobytes()).hexdigest()
