"""The study, checked before any job, and the names that all rule files share. No rules.

REQUIRED: a configuration that fits schemas/config.schema.yaml and protocols it names.
PROVIDES: `study`; what its jobs ask a scheduler for; the pathvars <results>, <logs>, <benchmarks>, <run>;
          input functions; what rules share: `**asking(…)`, `**drawn(…)`, `**tabled(…)`, `page(…)`;
          ANALYSIS and ALL, to which each rule file adds what the rules `analysis` and `all` make of it.
"""

import math
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

from memorability.base.errors import InputError
from memorability.base.text import refuse_doubled_keys
from memorability.pixel_predictors.names import PIXEL_PREDICTORS
from memorability.prediction.names import PREDICTORS
from memorability.report.citing import methods, references
from memorability.report.contents import entries_of, place
from memorability.report.labels import head_label, metric_label, score_label
from memorability.workflow.fingerprint import KeptFingerprints
from memorability.workflow.planned_jobs import dry_run

try:
    # Here, because it reads the registry of downloads, which users may add mirrors to.
    from memorability.study import job_settings, notes, paths, preflight
    from memorability.study.configuration_files import laid_over, refuse_unnamed
    from memorability.study.resolve import resolve
    from memorability.workflow.requests import Requests, growing

    for file in workflow.config_settings.configfiles:
        refuse_doubled_keys(Path(file))
    overlay = workflow.config_settings.overwrite_config
    if workflow.modifier.skip_configfile:
        # A workflow that imports this one as a module gives what differs from config.yaml.
        overlay = config
        config = laid_over(ROOT, overlay)
    refuse_unnamed(overlay, config["study"])
    study = resolve(config, ROOT)
    preflight.check_study(study)
    # Scripts read the checked settings, where numbers are numbers.
    config.update(study.settings)
except InputError as error:
    raise WorkflowError(str(error)) from None

requests = Requests(study)
fingerprints = KeptFingerprints(ROOT / "scripts", Path(".snakemake/fingerprints.json"))


onstart:
    # Not above: a dry run, or an estimate, may be made on another disk.
    try:
        preflight.check_space(study)
    except InputError as error:
        raise WorkflowError(str(error)) from None


pathvars:
    results=study.results,
    logs=f"{study.results}/logs",
    benchmarks=f"{study.results}/benchmarks",
    # wildcard_constraints do not reach into a pathvar: here they stand inside it
    run="protocol={protocol,[a-z0-9_]+}/loss={loss,[a-z0-9_]+}/lr={lr,[0-9.e+-]+}/seed={seed,[0-9]+}",


wildcard_constraints:
    protocol="[a-z0-9_]+",
    loss="[a-z0-9_]+",
    lr="[0-9.e+-]+",
    seed="[0-9]+",
    resize="squash|center_crop",
    quantity="[a-z]+",


# What the rules `analysis` and `all` ask for: each rule file adds its own.
ANALYSIS = []
ALL = []


def asking(mem, runtime, **others):
    """Return the resources of a rule: memory and time, more with every failed attempt, and others."""
    return {"mem": growing(mem), "runtime": growing(runtime), **others}


@cache
def entries():
    """Return the entries of the report that this study has, once every rule file was read."""
    return entries_of(map(str, flatten([ANALYSIS, ALL])))


def shown(path, entry, caption, front=False, detail=""):
    """Return an output that the report shows, at its place in `CONTENTS`.

    `front` and `detail` are those of `place`, or functions of the wildcards that return them.
    """

    def at(wildcards):
        given = [value(wildcards) if callable(value) else value for value in (front, detail)]
        return place(entry, front=given[0], detail=given[1], present=entries())

    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=lambda wildcards: at(wildcards)[0],
        labels=lambda wildcards: {"what": at(wildcards)[1]},
    )


def drawn(name, prefix="", **where):
    """Return the outputs svg and png of a figure, which the report shows with the caption of its name.

    `prefix` stands before svg and png where a rule draws several figures; `where` is as for `shown`.
    """
    entry = name.partition("/")[0]
    svg = shown(f"<results>/figures/{name}.svg", f"figures/{entry}", entry, **where)
    return {f"{prefix}svg": svg, f"{prefix}png": f"<results>/figures/{name}.png"}


def page(name, caption=""):
    """Return a table as a page, which the report shows with the caption of its name or another."""
    return shown(f"<results>/tables/{name}.html", f"tables/{name}", caption or name)


def tabled(name, output="table"):
    """Return a table for people, as the output of this name, and its twin `<output>_tsv`."""
    return {
        output: ensure(f"<results>/tables/{name}.parquet", non_empty=True),
        f"{output}_tsv": f"<results>/tables/{'_'.join(Path(name).parts)}.tsv",
    }


def code(script, predictor=None):
    """Return a parameter that changes with any code that decides what a script makes.

    `predictor` returns the name of the one that a job uses, given its wildcards.
    """

    def parameter(wildcards):
        return fingerprints.of(script, *(definitions(predictor(wildcards)) if predictor else []))

    return parameter


def code_of_each(script, predictors):
    """Return a parameter that changes with the code of a script and of each predictor that it uses."""
    return lambda _: fingerprints.of(script, *flatten(map(definitions, predictors)))


def definitions(predictor):
    """Return the definitions that only the job of a predictor reaches, by its registry."""
    if predictor in PREDICTORS:
        return [PREDICTORS[predictor].fit]
    spec = PIXEL_PREDICTORS[predictor]
    return list(filter(None, [spec.opens, spec.prepares, spec.fits]))


def metric_label_of(loss):
    """Return the words for what a loss measures in this study."""
    return metric_label(study.measured(loss))


def run_images(wildcards, name):
    """Return a file of the prepared images that the run's protocol uses."""
    return paths.run_images(study, wildcards.protocol, name)


@cache
def given_files():
    """Return the tables and files of weights that the user gave."""
    return paths.given_tables(study) + paths.given_weights(study)


def given(file):
    """Flag a file that the user gave as one whose content decides, not its time."""
    return ancient(file) if file in given_files() else file


@cache
def given_contents():
    """Return the SHA-256 of the files that the user gave, by their paths."""
    from memorability.data.contents import CONTENTS, contents

    return contents(Path(), given_files(), CONTENTS / f"{study.name}_given.json")


def given_content(file):
    """Return the SHA-256 of a file that the user gave; a parameter of its rule, not from its input."""
    # Snakemake compares no parameter that is derived from inputs.
    return given_contents().get(file, "")


def each_given(files):
    """Return files, those that the user gave flagged: see `given`. It goes with `each_content`."""
    return [given(file) for file in files]


def each_content(files):
    """Return what is in files as far as the user gave them: see `given_content`."""
    return [given_content(file) for file in files]


@cache
def scored_images():
    """Return a hash of the user's images that are scored; other data sets have receipts."""
    from memorability.data.contents import CONTENTS, scored_images_hash

    if not study.has_own_images:
        return ""
    dataset = study.settings["dataset"]
    return scored_images_hash(
        Path(dataset["images"]),
        Path(given_scores()),
        dataset["columns"],
        CONTENTS / f"{study.name}.json",
        code=fingerprints.of("score_trials" if study.has_own_trials else "prepare_images"),
        single_trials=study.has_own_trials,
    )


def further_folder(wildcards):
    """Return the folder of the images of a further data set."""
    return FURTHER[wildcards.set].source["images"]


@cache
def further_content(name):
    """Return a hash of the user's images of a further data set that are scored; else nothing."""
    from memorability.data.contents import CONTENTS, scored_images_hash

    source = FURTHER[name].source
    if not FURTHER[name].is_own:
        return ""
    return scored_images_hash(
        Path(source["images"]),
        Path(source["scores"]),
        source["columns"],
        CONTENTS / f"{study.name}_test_on_{name}.json",
        code=fingerprints.of("read_test_set"),
    )


@cache
def score_table():
    """Return a hash of the user's table of scores or trials and of the list of the user's images."""
    from memorability.data.contents import listing_hash

    if not study.has_own_images:
        return ""
    listing = listing_hash(Path(study.image_source["images"]))
    return given_content(given_scores()) + listing


def given_scores():
    """Return the user's table of scores or trials."""
    dataset = study.settings["dataset"]
    return dataset["trials"] if study.has_own_trials else dataset["scores"]


@cache
def pretraining_images():
    """Return a hash of the images of the pre-training folder."""
    from memorability.data.contents import CONTENTS, folder_hash

    folder = Path(study.settings["pretraining"]["images"])
    return folder_hash(folder, CONTENTS / f"{study.name}_pretraining.json")


def lasting(file):
    """Flag a model as temporary unless all are kept."""
    return file if study.settings["keep_checkpoints"] == "all" else temp(file)


@cache
def planned():
    """Return what a dry run of the whole study prints: the jobs that are still to be made."""
    return dry_run(ROOT / "Snakefile", config)


# Of every figure: what stands beside an axis of scores, and which intervals it has.
SCORE = score_label(study.settings["statistics"]["target"], notes.score_convention(study))
CONFIDENCE = study.settings["statistics"]["confidence"]
ERRORS = [paths.error_file(study, run) for run in study.runs]
OUTCOMES = [paths.outcome_file(study, run) for run in study.runs]
# Quantity of an image -> the tables that hold it.
QUANTITIES = paths.quantities(study)
# Of these, a study has errors, distinctiveness, or both.
MEASURED = [name for name in ("error", "distinctiveness") if name in QUANTITIES]
# Data sets of prediction.test_on, by their names.
FURTHER = {each.name: each for each in study.further_sets}
SUMMARY = Path(study.results, "tables", "summary.html")
IMAGES = paths.image_table(study)
if study.runs:
    FEATURES = QUANTITIES["feature"]
    PREPARED = paths.prepared(study, study.first_resize, "prepared.parquet")
    PIXELS = paths.prepared(study, study.first_resize, "pixels.npy")
    # Of the analysed model, which predicts and is explained: its first seed.
    ANALYSED = study.selected[0]
    ANALYSED_MODEL = paths.kept_file(study, ANALYSED)
    ANALYSED_IMAGES = paths.prepared(study, study.selected_resize, "images.parquet")
    ANALYSED_PIXELS = paths.prepared(study, study.selected_resize, "pixels.npy")
