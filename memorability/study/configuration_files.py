"""What a study's file stands for: config.yaml with the file laid over it, as Snakemake reads both."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from memorability.base.errors import InputError
from memorability.base.text import refuse_doubled_keys

WITHOUT_RESULTS = {"compute", "keep_checkpoints"}
"""Keys that change no result, and need no study of another name."""


def refuse_unnamed(overlay: Mapping[str, Any], published: str) -> None:
    """Refuse settings of one's own that would be written into the results of the published study.

    Parameters
    ----------
    overlay
        What `--configfile` and `--config` lay over config.yaml.
    published
        The name of the study in config.yaml.

    Raises
    ------
    InputError
        If the overlay changes results and gives the study no name.
    """
    changes = sorted(overlay.keys() - WITHOUT_RESULTS)
    if changes and "study" not in overlay:
        raise InputError(
            f"Your settings ({', '.join(changes)}) come without a name for the study. Its results "
            f"would be written into those of the published study, results/{published}. Add a line "
            "to your file, for example `study: mine`. To change the published study itself, add "
            f"`study: {published}`."
        )


def laid_over(root: Path, overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return config.yaml with a study's own settings laid over it.

    Parameters
    ----------
    root
        The directory of config.yaml.
    overlay
        The study's own settings.
    """
    configuration: dict[str, Any] = load_configfile(root / "config.yaml")
    update_config(configuration, overlay)
    return configuration


def results_directory(file: Path, root: Path) -> Path:
    """Return where the study of a file writes its results.

    Parameters
    ----------
    file
        A study's file: YAML or JSON.
    root
        The directory of config.yaml.

    Raises
    ------
    InputError
        If the file does not exist, is no configuration, or gives a key twice.
    """
    refuse_doubled_keys(file)
    try:
        overlay = load_configfile(file)
    except FileNotFoundError as error:
        raise InputError(f"{file} does not exist. Name the file of a study.") from error
    except WorkflowError as error:
        raise InputError(f"{file}: {error} Name the file of a study.") from error
    study = str(laid_over(root, overlay)["study"])
    if file.resolve() != (root / "config.yaml").resolve():
        refuse_unnamed(overlay, study)
    return Path("results", study)
