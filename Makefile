# Everything runs from the repository's root with the packages of requirements.lock in .venv.
# The package registry that pip is set up for is the only thing on the network that is used.

PYTHON ?= python3
TORCH ?= cuda
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
SPACE ?= search_spaces/peer.yaml
PORT ?= 5000
ARGS ?=
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --disable-pip-version-check $(if $(CI),--quiet)
INSTALLED := $(VENV)/installed
COMMANDS := $(BIN)/platform-search

export RAY_USAGE_STATS_ENABLED := 0
export MLFLOW_DISABLE_TELEMETRY := true

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install search test quick check lint types format bench docs gpu ui lock clean

help: ## list the targets
	@echo "make TARGET [ARGS='…'], where TARGET is"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' Makefile
	@echo "PYTHON=python3.12 chooses the Python that .venv is made with (3.11 or newer)."

# Made anew whenever the lock file changes; an interrupted installation leaves no stamp and is repeated.
$(INSTALLED): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) on PATH; try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); try make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) $(if $(filter cpu,$(TORCH)),,(about 7 GB on Linux)) …"
	$(PYTHON) -m venv $(VENV)
ifeq ($(TORCH),cpu)
	$(PIP) --index-url $(TORCH_INDEX) $$(awk '/^torch(vision)?==/ {print $$1}' requirements.lock)
	awk '/^[^ #]/ {skip = /^(torch|torchvision|triton|nvidia-[^=]*|cuda-[^=]*)==/} !skip' requirements.lock > $(VENV)/others.txt
	$(PIP) --no-deps --require-hashes -r $(VENV)/others.txt
else
	$(PIP) --require-hashes -r requirements.lock
endif
	@touch $(INSTALLED)

# platform-search and its siblings: the commands in any folder. One stands for all.
$(COMMANDS): $(INSTALLED) platform/launchers.py platform/config/invocation.py
	@$(BIN)/python -m platform.launchers

install: $(COMMANDS) ## the packages into .venv, and the commands .venv/bin/platform-…; TORCH=cpu: torch's CPU build

search: $(COMMANDS) ## run a sweep: SPACE=search_spaces/peer.yaml ARGS='optim.lr=0.1 --trials 4'
	$(BIN)/python -m platform.search $(SPACE) $(ARGS)

# The tests of a file run in one process, with those of files that share its sweep (tests/conftest.py).
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(if $(CI),--durations=40)

test: $(COMMANDS) ## run the test suite: ARGS='tests/losses -x'; in two processes, or WORKERS=0 in this one
	$(PYTEST) $(ARGS)

quick: $(COMMANDS) ## the same without whole sweeps and browsers: for the loop while coding
	$(PYTEST) -m 'not sweep and not browser' $(ARGS)

check: lint types test ## everything CI checks: format, lint, types, import direction, tests

lint: $(COMMANDS) ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(COMMANDS) ## check types
	$(BIN)/mypy

format: $(COMMANDS) ## format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# methods and selection_rules take hours and need data that you bring; their --smallest checks that they run.
BENCHMARKS = answer_time audit_scale cleaning_gain crashes ensembles fuzz input_pipeline label_errors mlflow_report near_duplicates nightly_verdicts retrieval \
  search_quality search_scale supcon_loss training_epoch trial_overhead workers

bench: $(COMMANDS) ## run the benchmarks, each a table with a ratio against a named reference
	@failed=0; for name in $(BENCHMARKS); do \
	  echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || failed=1; done; exit $$failed

docs: $(COMMANDS) ## write docs/reference/ from the code, build the docs into site/, check their links
	$(BIN)/python -m platform.reference --site

gpu: $(COMMANDS) ## measure one GPU in ten minutes: speed, input, exact resume, golden steps
	$(BIN)/python -m tests.benchmarks.gpu $(ARGS)

ui: $(COMMANDS) ## show the runs in MLflow, on this machine only, with links to the sweeps: PORT=5000
	$(BIN)/python -m platform.ui --port $(PORT) $(ARGS)

lock: ## write requirements.lock from pyproject.toml; ARGS=--upgrade takes newer versions
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	  $(PYTHON) -m venv "$$folder"; "$$folder/bin/python" -m pip install --quiet uv; uv="$$folder/bin/uv"; fi; \
	"$$uv" pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --quiet --custom-compile-command "make lock" $(ARGS) -o requirements.lock

clean: ## remove .venv and the tools' caches; never runs/ or mlflow.db
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./runs -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
