# `make demo` and `make test` set up everything they need in .venv; nothing is installed elsewhere.
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UNFINISHED := $(VENV)/.unfinished
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c requirements.lock

# PYTHON=... chooses the interpreter; without it .venv keeps its own, and a new one gets the first that will do.
SUPPORTED := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
BASE = $(shell for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.12 python3.11 python3.13); do \
	"$$python" -c "$(SUPPORTED)" 2>/dev/null \
	&& "$$python" -c "import sys; print(sys._base_executable)" && break; done)

# pip would count what lies on this path as installed.
unexport PYTHONPATH

.PHONY: demo test test-slow fuzz check format docs setup environment packages lock clean

demo: setup
	$(BIN)/python train.py experiment=demo
	$(BIN)/python evaluate.py outputs/demo
	@echo
	@echo "Look at the curves:  $(BIN)/tensorboard --logdir outputs"

# One thread a process: the tests run side by side, one process a core.
test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

test-slow: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m slow

# Five thousand random command lines; LINES="COUNT FIRST" takes others.
fuzz: setup
	OMP_NUM_THREADS=1 $(BIN)/python scripts/fuzz.py $(LINES)

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

# What .venv must be to be kept: whole, made in this folder and not copied, of the chosen interpreter.
IDENTITY := import sys; print(sys.version, sys.base_prefix)
WHOLE = test ! -e $(UNFINISHED) && $(BIN)/python -c "$(SUPPORTED)" && $(BIN)/python -m pip --version
HERE = { test ! -s $(INSTALLED) || test "$$(cat $(INSTALLED))" = "$(CURDIR)"; }
CHOSEN = { test -z "$(PYTHON)" || \
	test "$$($(BIN)/python -c '$(IDENTITY)')" = "$$("$(PYTHON)" -c '$(IDENTITY)')"; }

setup:
	@{ $(WHOLE) && $(HERE) && $(CHOSEN); } >/dev/null 2>&1 || $(MAKE) --no-print-directory environment
	@$(MAKE) --no-print-directory packages

# The mark stays where this or the installation is cut off, for pip takes a half-installed package for a whole
# one; the next `make` then begins again.
environment:
	@test -n "$(BASE)" || { echo "error: $(if $(PYTHON),PYTHON=$(PYTHON) is not,found no) Python 3.11, 3.12 or 3.13" \
		"that can make a venv; write make PYTHON=/path/to/python3.11" >&2; exit 2; }
	rm -rf $(VENV)
	mkdir $(VENV)
	touch $(UNFINISHED)
	"$(BASE)" -m venv $(VENV)

packages: $(INSTALLED)
	@:

$(INSTALLED): pyproject.toml requirements.lock
	touch $(UNFINISHED)
	@# Without build isolation, so that the lock fixes the build tools too; antlr4 comes as source only.
	$(INSTALL) editables hatchling setuptools
	$(INSTALL) --no-build-isolation -e '.[benchmark,dev,docs,export,sweep]'
	echo "$(CURDIR)" > $(INSTALLED)
	rm $(UNFINISHED)

lock: setup
	$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable > requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
