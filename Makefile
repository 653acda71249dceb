# make demo: install and run the demonstration.   make test: install and run every check.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test test-all benchmarks lint clean

demo: $(VENV)/.installed
	$(BIN)/neurosc demo --out demo --overwrite

test: lint
	$(BIN)/python -m pytest

test-all: lint
	$(BIN)/python -m pytest -m ""

benchmarks: $(VENV)/.installed-test
	$(BIN)/python tests/benchmarks/ideal.py
	$(BIN)/python tests/benchmarks/stepping.py
	$(BIN)/python tests/benchmarks/sparse.py
	$(BIN)/python tests/benchmarks/gradients.py
	$(BIN)/python tests/benchmarks/robustness.py

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "neurosc needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --quiet --editable '.[test]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) demo dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find neurosc hw_models export \( -name "*.nbi" -o -name "*.nbc" \) -delete
