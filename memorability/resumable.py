"""A run as a job makes it: taken up where an earlier job stopped, until its results are written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from memorability.checkpoints import Checkpoints, arithmetic
from memorability.finetuning import FinetunedRun, finetune, images_shown
from memorability.job import progress
from memorability.provenance import settings_hash


@contextmanager
def resumable_run(
    pixels: np.ndarray,
    images: pd.DataFrame,
    settings: dict[str, Any],
    official_splits: pd.DataFrame | None,
    *,
    device: str,
    targets: Sequence[str],
    code: str,
    inputs: Mapping[str, str],
    seconds: float,
) -> Iterator[FinetunedRun]:
    """Yield a finished run; its training state is removed when the block ends well.

    Parameters
    ----------
    pixels, images, settings, official_splits, device
        See `memorability.finetuning.finetune`.
    targets
        The file of stored targets, or nothing. It follows from `inputs`.
    code
        Fingerprint of the code that decides the run.
    inputs
        Path -> SHA-256 of the files that it reads, as from `memorability.provenance.file_hashes`.
    seconds
        See `memorability.checkpoints.Checkpoints`.
    """
    key = settings_hash([settings, code, inputs, arithmetic(device)])
    with Checkpoints(key, seconds) as checkpoints:
        left = images_shown(images, settings, official_splits) - checkpoints.done
        with progress(left, "fine-tuning") as step:
            run = finetune(
                pixels,
                images,
                settings,
                official_splits,
                device=device,
                targets=Path(targets[0]) if targets else None,
                checkpoints=checkpoints,
                on_image=step,
            )
        yield run
