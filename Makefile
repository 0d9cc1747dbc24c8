# Everything runs from the repository's root with the packages of requirements.lock in .venv.
# The package registry that pip is set up for is the only thing on the network that is used.

PYTHON ?= python3
SPACE ?= search_spaces/peer.yaml
PORT ?= 5000
ARGS ?=
WORKERS ?= 3

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

export RAY_USAGE_STATS_ENABLED := 0
export MLFLOW_DISABLE_TELEMETRY := true

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help search test check lint types format bench ui lock clean

help: ## list the targets
	@echo "make TARGET [ARGS='…'], where TARGET is"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' Makefile
	@echo "PYTHON=python3.12 chooses the Python that .venv is made with (3.11 or newer)."

# Made anew whenever the lock file changes; an interrupted installation leaves no stamp and is repeated.
$(INSTALLED): requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) on PATH; try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1); try make PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing the packages of requirements.lock into $(VENV) (about 7 GB on Linux) …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check $(if $(CI),--quiet) --require-hashes -r requirements.lock
	@touch $(INSTALLED)

search: $(INSTALLED) ## run a sweep: SPACE=search_spaces/peer.yaml ARGS='optim.lr=0.1 --trials 4'
	$(BIN)/python -m platform.search $(SPACE) $(ARGS)

test: $(INSTALLED) ## run the test suite: ARGS='tests/losses -x'; in three processes, or WORKERS=0 in this one
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types test ## everything CI checks: format, lint, types, import direction, tests

lint: $(INSTALLED) ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED) ## check types
	$(BIN)/mypy

format: $(INSTALLED) ## format, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# noisy_labels is an hour's experiment on data that you bring: it is started by hand.
BENCHMARKS = answer_time ensembles input_pipeline mlflow_report retrieval search_quality search_scale supcon_loss \
  training_epoch trial_overhead workers

bench: $(INSTALLED) ## run the benchmarks, each a table with a ratio against a named reference
	@failed=0; for name in $(BENCHMARKS); do \
	  echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || failed=1; done; exit $$failed

ui: $(INSTALLED) ## show the runs in MLflow, on this machine only: PORT=5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --host 127.0.0.1 --port $(PORT) --workers 1 --backend-store-uri sqlite:///mlflow.db $(ARGS)

lock: ## write requirements.lock from pyproject.toml; ARGS=--upgrade takes newer versions
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	  $(PYTHON) -m venv "$$folder"; "$$folder/bin/python" -m pip install --quiet uv; uv="$$folder/bin/uv"; fi; \
	"$$uv" pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --quiet --custom-compile-command "make lock" $(ARGS) -o requirements.lock

clean: ## remove .venv and the tools' caches; never runs/ or mlflow.db
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./runs -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
