# Everything a fresh clone needs: `make demo` and `make test` make .venv themselves.
# Another interpreter: `make demo PYTHON=/path/to/python3.12`.

VENV := .venv
BIN := $(VENV)/bin
CANDIDATES := $(or $(PYTHON), python3 python3.13 python3.12 python3.11 python3.14)
SUPPORTED := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
WORKERS := --numprocesses auto --maxprocesses 8  # each imports torch: about 1 GB of memory

.PHONY: help demo test test-all lint format docs bench clean
.DEFAULT_GOAL := help

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(VENV)/installed  ## train and evaluate on embedded data, end with a report
	@$(BIN)/descend demo

test: $(VENV)/installed-dev  ## the default tests
	@$(BIN)/python -m pytest $(WORKERS)

test-all: $(VENV)/installed-dev  ## all tests, the slow and the GPU's among them
	@$(BIN)/python -m pytest -m '' $(WORKERS)

lint: $(VENV)/installed-dev  ## format, lint and strict types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/installed-dev  ## put the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/installed  ## write the generated parts of README.md anew
	@$(BIN)/python docs/generate.py

bench: $(VENV)/installed-dev  ## the measurements in benchmarks/, written to benchmarks/results
	@set -e; for script in benchmarks/*.py; do \
	  [ -e "$$script" ] || { echo "benchmarks/ holds no script yet"; exit 0; }; \
	  echo "== $$script"; $(BIN)/python "$$script"; done

clean:  ## remove the environment and the caches, never a run
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

# The stamps are older than what they were made from only when something must be installed again.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Descend into $(VENV) (the first time this downloads PyTorch: some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable . --constraint constraints.txt
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Descend and its test tools into $(VENV) (the first time: some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --editable '.[dev]' --constraint constraints.txt
	@touch $@ $(VENV)/installed

$(BIN)/python:
	@for candidate in $(CANDIDATES); do \
	  if "$$candidate" -c '$(SUPPORTED)' 2>/dev/null; then \
	    "$$candidate" -m venv $(VENV) && exit 0; \
	  fi; \
	done; \
	echo "Descend needs Python 3.11 or newer with its venv module; tried:" \
	  $$(for candidate in $(CANDIDATES); do "$$candidate" --version 2>&1 | tail -n 1 | \
	  sed "s|^|[$$candidate] |;s|$$|;|"; done) \
	  "install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	exit 1
