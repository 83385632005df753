# Every target sets up what it needs: a virtual environment in .venv from the
# pinned envs/requirements*.txt.
#   make setup                the environment alone, for studies of your own; then
#                             source .venv/bin/activate
#   make alice                real fMRI, 27 listeners: R of every layer, ceilings, chance, one text
#                             with few controls (download: 4 MB and two models of 0.3 and 0.5 GB;
#                             or ENGRAM_MIRROR=folder)
#   make alice-whole          the whole example: all texts, controls and tunings
#   make alice-tunings        its tunings alone, half an hour on two cores
#   make alice-features       it with word norms and other feature spaces
#   make publish-alice        copies what results/alice shows to published/alice; also
#                             publish-alice-tunings, publish-alice-features
#   make demo                 a small simulated Narratives, no network after set-up
#   make datalad              adds what fetches Narratives, once
#   make architectures        reads with a tiny model of each family that transformers
#                             builds (docs/architectures.md)
#   make calibrate            how often the tests are wrong: 1,000 simulated studies for
#                             each (docs/calibration.tsv)
#   make cluster              adds what submits jobs to Slurm, once; make slurm tries it on a
#                             small Slurm of its own
#   make test-fast            tests without Snakemake runs, a minute on
#                             two cores: while you work
#   make test | lint | tiny   what the project's own checks run; all tests take about
#                             ten minutes on two cores
#   make browser              the reports in Chromium (as root it installs Debian's)
#   make bench | bench-gpu    time and memory beside what people use today (docs/benchmarks.md);
#                             ENGRAM_MIRROR=folder for all of it
#   make docs | docs-site     pages that are generated; the documentation as a site, in build/docs
#   make docs-links           follows its links to other sites
# Variables: PYTHON=python3.12  CORES=4
#   TORCH=cpu (PyTorch's builds without CUDA, for laptops)  ARGS="-n" (more for snakemake)
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV ?= .venv
CORES ?= all
TORCH ?=
ARGS ?=
BIN := $(VENV)/bin
UV := uv==0.13.9

# Without bytecode each of a workflow's many Python processes would compile every package
# anew (6 s instead of 2).
unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Snakemake's jobs find the environment's programs as if it were activated.
export PATH := $(abspath $(BIN)):$(PATH)

SNAKEMAKE = $(BIN)/snakemake --cores $(CORES) $(ARGS)
# Models this small gain nothing from many threads, nor from a GPU of their own: a core for each
# job, as many jobs as there are cores.
SMALL := --max-threads 1 --resources gpu=64
demo alice alice-whole alice-tunings alice-features tiny: export ENGRAM_JOBS_PER_GPU ?= 64

.PHONY: setup demo alice alice-whole alice-tunings alice-features publish-alice publish-alice-tunings publish-alice-features tiny datalad cluster calibrate architectures test test-fast browser slurm chaos bench bench-gpu lint lock docs docs-site docs-links clean help
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

setup: $(VENV)/.ready

demo: $(VENV)/.ready
	$(SNAKEMAKE) $(SMALL)

# Alice's models. Without a mirror: GPT-2 and SmolLM2-135M of the hub. With one: those too, if it
# has both under their hub ids; else SmolLM2-135M-Instruct with 4-bit weights; else a model of
# 260,000 parameters.
mirrored = $(wildcard $(ENGRAM_MIRROR)/models/$(1)/*.safetensors)
ifdef ENGRAM_MIRROR
  ifneq (,$(and $(call mirrored,gpt2),$(call mirrored,HuggingFaceTB/SmolLM2-135M-Instruct)))
    ALICE := config/alice.yaml
  else ifneq (,$(call mirrored,SmolLM2-135M-Instruct))
    ALICE := config/alice.yaml config/alice-smollm2.yaml
  else
    ALICE := config/alice.yaml config/alice-stories260K.yaml
  endif
else
  ALICE := config/alice.yaml
endif

alice: $(VENV)/.ready
	$(SNAKEMAKE) $(SMALL) --configfile $(ALICE) config/alice-quick.yaml

alice-whole: $(VENV)/.ready
	$(SNAKEMAKE) $(SMALL) --configfile $(ALICE)

alice-tunings: $(VENV)/.ready
	$(SNAKEMAKE) $(SMALL) --configfile $(ALICE) config/alice-tunings.yaml

# Word norms, frequencies and other feature spaces beside language models; it takes a complete mirror.
alice-features: $(VENV)/.ready
	$(BIN)/python -c 'import wordfreq' 2> /dev/null || $(BIN)/python -m pip install -q 'wordfreq==3.1.1'
	$(SNAKEMAKE) $(SMALL) --configfile config/alice-features.yaml config/alice-features-whole.yaml

# What docs/results-alice.md and the README show. Nothing in published/ is copied by hand.
publish-alice publish-alice-tunings publish-alice-features: publish-%: $(VENV)/.ready
	$(BIN)/python -m engram.publish_results results/$* published/$*

tiny: $(VENV)/.ready
	$(SNAKEMAKE) $(SMALL) --configfile config/tiny.yaml

# What fetches Narratives, once: DataLad and git-annex.
datalad: $(VENV)/.ready
	$(call install,envs/requirements-datalad.txt)

calibrate: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/calibration.py

# Every family of models, about ten minutes on two cores; writes docs/architectures.md and .tsv,
# and fails if one is read wrongly.
architectures: $(VENV)/.ready
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/architectures.py $(ARGS)

# What submits jobs to Slurm, once. Not among the base requirements: it asks for Slurm's controller
# whenever Snakemake starts.
cluster: $(VENV)/.ready
	$(BIN)/python -m pip install -q -r envs/requirements-slurm.txt

# A Slurm of one node, started and stopped by the test, runs config/tiny.yaml with faults on the
# way. As root it installs Debian's packages.
slurm: tiny
	$(BIN)/python -m pip install -q --no-deps --upgrade --target build/slurm -r envs/requirements-slurm.txt
	$(BIN)/python tests/slurm/on_slurm.py --plugin build/slurm

# Breaks a small study in many ways, about half an hour on two cores that do nothing else;
# writes benchmarks/chaos.md. As root, for a small disk.
chaos: $(VENV)/.ready
	$(BIN)/python tests/chaos/chaos.py $(ARGS)

# Workers have a thread each: with more they would wait for each other.
test: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest

# What is marked slow is left out (CONTRIBUTING.md says what that is); the longest are named,
# so that another slow one is seen.
test-fast: $(VENV)/.ready-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -m 'not slow and not browser' --durations 5 --durations-min 1

# Against what people use today; the demo is finished first. Figures go to benchmarks/,
# tables to docs/benchmarks.md.
bench: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/bench.py $(ARGS)

bench-gpu: $(VENV)/.ready-dev
	$(BIN)/python benchmarks/bench.py --device cuda $(ARGS)

# The reports, made up and of the studies that were run here, in a real browser;
# screenshots are in build/browser.
browser: $(VENV)/.ready-dev
	@command -v chromium chromedriver > /dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium chromium-driver fonts-dejavu-core; \
	  else echo "This needs Chromium and its driver. On Debian: apt-get install chromium chromium-driver"; exit 1; fi; }
	$(BIN)/pytest -n 0 -m browser tests/browser

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/python -m engram.study.write_docs --check
	$(BIN)/python -m engram.write_reference --check
	$(SITE)

# Writes config/README.md and config/schema.json from the config models; docs/reference/tables.md
# and command-line.md from the columns of tables and from commands.
docs: $(VENV)/.ready
	$(BIN)/python -m engram.study.write_docs
	$(BIN)/python -m engram.write_reference

# The documentation as a site, in build/docs. A warning is an error: a link or an anchor that leads
# nowhere, a page in no list, a block that cannot be highlighted. It needs no network.
SITE := $(BIN)/sphinx-build -q --fail-on-warning --keep-going -c docs -d build/doctrees . build/docs

docs-site: $(VENV)/.ready-dev
	$(SITE)
	@echo "the site: build/docs/index.html"

# Follows the links that lead out of the project, and names those that cannot be followed.
docs-links: $(VENV)/.ready-dev
	$(SITE:build/docs=build/links) -b linkcheck

# Pins anew. The lock is universal (Python 3.11 to 3.13); torch's CUDA packages are left to
# torch, which pins its own.
lock: $(VENV)/.ready-dev
	$(BIN)/python -m pip install -q $(UV)
	for extra in "" datalad dev; do \
	  env -u UV_FIND_LINKS $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate \
	    $${extra:+--extra dev -c envs/requirements.txt} pyproject.toml | grep -vE '^(nvidia-|cuda-|triton)' > envs/.lock; \
	  mv envs/.lock envs/requirements$${extra:+-dev}.txt; \
	done
	env -u UV_FIND_LINKS $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate --extra slurm -c envs/requirements.txt \
	  pyproject.toml | grep -E '^snakemake-executor' > envs/requirements-slurm.txt
	{ sed -n '/^#/p; /^channels/,/- pip:/p' envs/environment.yaml; sed 's/^/      - /' envs/requirements.txt; } > envs/.lock
	mv envs/.lock envs/environment.yaml

clean:
	rm -rf $(VENV) .snakemake build

help:
	@sed -n '/^#/!q; p' Makefile

# ---------------------------------------------------------------- set-up
# $(1): the requirements file. Prints what it cost: people on slow lines want to know.
define install
	@start=$$(date +%s); \
	if [ "$(TORCH)" = cpu ]; then \
	  $(BIN)/python -m pip install -q $(UV); \
	  VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --torch-backend cpu $$(grep '^torch==' $(1)); \
	fi; \
	$(BIN)/python -m pip install -q -r $(1); \
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .; \
	$(BIN)/python -m compileall -q -j 0 $(VENV) > /dev/null 2>&1 || true; \
	echo "set-up: $$(du -sh $(VENV) | cut -f1) in $(VENV), $$(( $$(date +%s) - start )) s"
endef

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 14))' || { \
	  echo "Engram needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "This Python cannot make a virtual environment. Install the package that lets it, then run make again:"; \
	  $(PYTHON) -c 'import sys; print("  apt-get install python%d.%d-venv" % sys.version_info[:2])'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: envs/requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once; several hundred MB, a few minutes)"
	$(call install,envs/requirements.txt)
	@touch $@

$(VENV)/.ready-dev: envs/requirements-dev.txt $(VENV)/.ready
	$(call install,envs/requirements-dev.txt)
	@touch $@
