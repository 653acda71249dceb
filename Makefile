# make demo: install and run the demonstration.   make test: install and run every check.
# make test-interop: install other tools that read NIR files, and run ours in them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INTEROP := .venv-interop
# a file of tests to a process, so that what it compiles is shared within it; no threads beside them
ABREAST := --numprocesses auto --maxprocesses 4 --dist loadfile
test test-all: export OPENBLAS_NUM_THREADS := 1
IMPORTERS := tests/interop/requirements.txt

.PHONY: demo test test-all test-interop benchmarks lint clean

demo: $(VENV)/.installed
	$(BIN)/neurosc demo --out demo --overwrite

test: lint
	$(BIN)/python -m pytest $(ABREAST)

test-all: lint
	$(BIN)/python -m pytest $(ABREAST) -m ""

test-interop: $(INTEROP)/.installed
	$(INTEROP)/bin/python -m pytest tests/interop

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

$(INTEROP)/bin/python:
	@for python in $(PYTHON) python3.11; do \
	  $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && \
	    exec $$python -m venv $(INTEROP); \
	done; \
	echo "the importers are pinned for Python 3.11, which was not found; install it, or try:" \
	  "make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1

# SpikingJelly and Sinabs come last and alone: to read NIR they need little of what they ask for
$(INTEROP)/.installed: $(IMPORTERS) pyproject.toml | $(INTEROP)/bin/python
	$(INTEROP)/bin/python -m pip install -qq --constraint $(IMPORTERS) \
	  --editable . torch torchvision nirtorch snntorch norse spyx pytest hypothesis nbclient ipykernel
	$(INTEROP)/bin/python -m pip install -qq --no-deps --requirement $(IMPORTERS)
	touch $@

clean:
	rm -rf $(VENV) $(INTEROP) demo dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find neurosc hw_models export \( -name "*.nbi" -o -name "*.nbc" \) -delete
