# Needs make and Python 3.11 or newer; everything else comes from PyPI into $(VENV).

# The first that exists and is new enough; pyenv leaves commands that exist and do not run.
PYTHON ?= $(shell for python in python3.11 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
# Not ?=, since `clean` removes it: a VENV of the caller's environment is none of ours.
VENV = .venv

BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# A process for each core; one that is done takes over tests of another, while neighbours mostly share what is slow to
# set up.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal
SOURCES := zoo recipes tests benchmarks docs setup.py

.PHONY: venv sample test check wheel-check cards docs clean

venv: $(INSTALLED)

$(INSTALLED): setup.py
	@test -n "$(PYTHON)" || { echo "Neither python3.11 nor python3 is Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,tensorboard]'
	touch $@

sample: $(INSTALLED)
	$(BIN)/zoo sample dcgan_fashion_mnist_28 -o samples.png

test: $(INSTALLED)
	$(PYTEST)

check: $(INSTALLED)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports --no-cache --no-logo
	$(PYTEST) -m "not slow"

# Without build/, whose leftovers of removed files would enter the wheel; -I keeps the checkout off the path.
wheel-check: $(INSTALLED)
	rm -rf build
	folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/python -m build --wheel --outdir "$$folder/dist" && \
	$(PYTHON) -m venv "$$folder/venv" && \
	"$$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$$folder"/dist/*.whl && \
	cd "$$folder" && \
	venv/bin/python -I -c 'import sys, zoo; assert zoo.__file__.startswith(sys.prefix), zoo.__file__' && \
	venv/bin/zoo list && \
	venv/bin/zoo sample dcgan_fashion_mnist_28 -o samples.png

# The model cards beside the bundled presets, of what the manifest says of them.
cards: $(INSTALLED)
	$(BIN)/python -c 'from zoo import presets; from zoo.presets import card; \
	[(presets.BUNDLED / name / card.CARD).write_text(card.bundled_card(presets.BUNDLED / name, name, entry), "utf-8") \
	for name, entry in presets.manifest().items()]'

# The site, offline and with warnings as errors.
docs: $(INSTALLED)
	$(BIN)/python -m sphinx -W --keep-going --quiet docs docs/_build/html

clean:
	rm -rf docs/_build docs/api docs/auto_guides docs/gallery docs/models docs/project
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache samples.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
