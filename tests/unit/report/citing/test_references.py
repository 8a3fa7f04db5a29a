"""What a study must cite."""

from pathlib import Path

import pytest
import yaml

from memorability.images.data_sets import DATA_SETS
from memorability.networks.catalogue import BACKBONES, LOSSES
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.report.citing import references as module
from memorability.report.citing.references import bibliography, cited, of_predictor, references
from memorability.study.configuration_files import laid_over
from memorability.study.resolve import resolve
from memorability.study.study import Study

ROOT = Path(__file__).parents[4]


def study(name: str) -> Study:
    overlay = yaml.safe_load((ROOT / "studies" / name).read_text(encoding="utf-8")) if name else {}
    return resolve(laid_over(ROOT, overlay), ROOT)


def test_the_published_study_cites_what_it_rests_on() -> None:
    keys = cited(study(""))
    assert len(keys) == len(set(keys))
    assert {"memorability", "bagheri2024", "goetschalckx2019", "zhang2018", "gatys2016"} <= {*keys}
    assert not {"khosla2015", "needell2022", "wang2004", "akiba2019"} & {*keys}


def test_data_and_predictors_of_a_study_are_cited_and_those_of_others_are_not() -> None:
    lamem, sample, alone = (
        cited(study(name)) for name in ("lamem.yaml", "sample.yaml", "from-tables.yaml")
    )
    assert "khosla2015" in lamem
    assert "goetschalckx2019" not in lamem
    assert {"khosla2015", "isola2011"} <= {*cited(study("trained-on-lamem.yaml"))}
    assert {"dalal2005", "he2016", "akiba2019"} <= {*sample}
    assert not {"goetschalckx2019", "gatys2016"} & {*sample}
    assert not {"paszke2019", "zhang2018", "sundararajan2017"} & {*alone}


def test_everything_that_has_a_source_has_a_reference() -> None:
    assert module.LOSSES.keys() == LOSSES.keys() - {"mse", "mae"}
    assert module.BACKBONES.keys() == BACKBONES.keys()
    assert module.DATA_SETS.keys() == DATA_SETS.keys()
    of_tables = (module.LOSSES, module.BACKBONES, module.DATA_SETS, module.PREDICTORS)
    named = {key for table in of_tables for keys in table.values() for key in keys}
    assert named <= references().keys()
    assert all(of_predictor(name) for name in PIXEL_PREDICTORS)


@pytest.mark.parametrize("key", references())
def test_a_reference_can_be_found_again(key: str) -> None:
    reference = references()[key]
    assert reference.fields.keys() >= {"author", "year", "title"}
    assert reference.fields.keys() & {"doi", "url", "howpublished"}
    assert reference.fields["year"] in reference.in_words()


def test_a_bibliography_is_what_bibtex_reads() -> None:
    text = bibliography(["needell2022", "memorability"])
    assert text.count("\n@") == 1
    assert text.startswith("@article{needell2022,\n  author = {Needell, Coen D. and Bainbridge,")
    assert r"Computational Brain \& Behavior" in text  # LaTeX takes a bare & for the end of a cell
    assert text.count("{") == text.count("}")


def test_authors_read_as_in_a_list_of_references() -> None:
    said = references()["paszke2019"].in_words()
    assert said.startswith("Paszke, Adam; et al. (2019). PyTorch: An Imperative Style")
    assert said.endswith("https://doi.org/10.48550/arXiv.1912.01703.")
    assert references()["memorability"].in_words().startswith("The memorability workflow authors (")
