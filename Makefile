# One target per habit. Everything runs from .venv, which `make setup` fills from the lock.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
EMULATOR := .venv-emulator
VAR := var
# Tests mostly wait for processes and servers, so there are more workers than cores.
WORKERS ?= 4

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup run live test test-emulator chaos lint format typecheck bench docs lock clean
.PHONY: template launch update drain cancel

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## .venv with everything, from constraints.txt

$(STAMP): setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed: make setup PYTHON=python3.11"; exit 2; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { \
		echo "python3 -m venv failed: on Debian run apt install python3-venv"; exit 2; }
	@echo "installing into $(VENV), some 1.1 GB the first time ..."
	@$(PY) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: $(STAMP) ## the whole chain on this machine, over the bundled samples, into var/iris.duckdb
	@$(PY) -m local.run --folder $(VAR)

live: $(STAMP) ## IRIS around the clock into var/live, with .env; or FEED=simulated SPEED=60
	@$(PY) -m local.live $(if $(FEED),--feed $(FEED)) $(if $(SPEED),--speed $(SPEED)) $(ARGS)

test: $(STAMP) ## everything that needs no account
	$(PY) -m pytest -q --numprocesses $(WORKERS) --dist loadfile $(ARGS)

test-emulator: $(EMULATOR)/.installed ## tables and views on a BigQuery emulator (500 MB more)
	EMULATOR_VENV=$(EMULATOR) $(PY) -m pytest tests/emulator $(ARGS)

$(EMULATOR)/.installed: $(STAMP) tests/emulator/requirements.txt
	@test -x $(EMULATOR)/bin/python || $(PYTHON) -m venv $(EMULATOR)
	@echo "installing into $(EMULATOR), some 500 MB ..."
	@$(EMULATOR)/bin/python -m pip install --quiet --requirement tests/emulator/requirements.txt
	@touch $@

chaos: $(STAMP) ## faults of every kind and kill -9, at length; SEED=N repeats a run
	$(PY) -m pytest tests/chaos --long -s $(if $(SEED),--seed $(SEED)) $(ARGS)

lint: $(STAMP) ## style and common faults
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(STAMP) ## what lint can mend by itself
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

typecheck: $(STAMP) ## mypy, strict
	$(VENV)/bin/mypy

bench: $(STAMP) ## speed of every part, both sides of each comparison in one run
	$(PY) -m benchmarks $(ARGS)

# Settings come from deploy/settings.json; PROJECT=..., REGION=..., RELEASE=... and SET="name=value ..."
# behind make win over it. DRY_RUN=1 prints the gcloud commands and runs none.
GIVEN = $(foreach one,PROJECT REGION RELEASE,$(if $(filter command%,$(origin $(one))), \
	--set $(shell echo $(one) | tr A-Z a-z)='$($(one))'))
DEPLOY = @$(PY) -m deploy $@ $(GIVEN) $(foreach one,$(SET),--set '$(one)')

template: $(STAMP) ## on Google Cloud: build both images, upload the Flex templates
	$(DEPLOY)

launch: $(STAMP) ## on Dataflow: start the job; FILES='gs://BUCKET/*/*' for one over files
	$(DEPLOY) $(if $(FILES),--files '$(FILES)')

update: $(STAMP) ## on Dataflow: this release in the running job's place; RENAMED="OLD=NEW ..."
	$(DEPLOY) $(foreach one,$(RENAMED),--renamed '$(one)')

drain: $(STAMP) ## on Dataflow: end the job after what is in hand
	$(DEPLOY)

cancel: $(STAMP) ## on Dataflow: end the job at once; nothing is lost; FILES=1: the one over files
	$(DEPLOY) $(if $(FILES),--files '$(FILES)')

docs: $(STAMP) ## anew: what follows from code and schema files (documents, alarms, variables)
	$(PY) -m schemas document --write docs/warehouse.md
	$(PY) -m deploy.documents --write

lock: $(STAMP) ## constraints.txt anew, from the ranges in setup.py
	$(PY) -m pip install --quiet uv
	@echo "# Every version that the tests ran with. Made by: make lock" > constraints.new
	$(VENV)/bin/uv pip compile setup.py --all-extras --python-version 3.11 --quiet \
		--no-header --no-annotate --strip-extras >> constraints.new
	mv constraints.new constraints.txt

clean: ## what can be made again; keeps var/
	rm -rf $(VENV) $(EMULATOR) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
