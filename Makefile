# `make demo` and `make test` set up everything they need in .venv; nothing is installed elsewhere.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# The first interpreter of a supported version; PYTHON=... chooses another.
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.13; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)

.PHONY: demo test test-slow check format docs setup lock clean

demo: setup
	$(BIN)/python train.py experiment=demo
	$(BIN)/python evaluate.py run=outputs/demo
	@echo
	@echo "Look at the curves:  $(BIN)/tensorboard --logdir outputs/demo"

# One thread a process: the tests run side by side, one process a core.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Made anew each time: a page that Sphinx kept from before would not repeat its warnings.
docs: setup
	rm -rf build/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	@echo "Open build/docs/index.html"

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found; write make PYTHON=/path/to/python3.11" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# Without build isolation, so that the lock fixes the build tool too.
	$(BIN)/python -m pip install --disable-pip-version-check -c requirements.lock hatchling editables
	$(BIN)/python -m pip install --disable-pip-version-check -c requirements.lock --no-build-isolation -e '.[dev,sweep]'
	touch $(INSTALLED)

lock: setup
	$(BIN)/python -m pip freeze --exclude-editable > requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
