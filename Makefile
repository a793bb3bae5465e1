# make help lists what can be made.  Everything lives in .venv and _build; make clean removes both.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
HTML := _build/html/index.html

.DEFAULT_GOAL := help
.PHONY: help book pdf test test-package lab text run lint lighthouse phone bench peers fuzz wheel sdist clean

help:  ## list the targets
	@grep -E '^[a-z -]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

$(READY): requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) tools/check_python.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
	@touch $@

book: $(READY)  ## execute the chapters and build the HTML
	@$(BIN)/python tools/build.py

pdf: book  ## print the book as one PDF; needs Chromium
	@PYTHONPATH=_ext $(BIN)/python tools/pdf.py

test: book  ## run all tests: package, notebooks, book
	$(BIN)/python -m pytest

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab book

text: $(READY)  ## open a chapter as text: make text CHAPTER=book/many-classes/softmax.ipynb
	$(BIN)/python tools/chapter.py text $(CHAPTER)

run: $(READY)  ## write the text back and execute it: make run CHAPTER=...
	$(BIN)/python tools/chapter.py run $(CHAPTER)

lint: $(READY)  ## check style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github

lighthouse: book  ## judge a page of each kind with Lighthouse, which npm ci installs
	$(BIN)/python -m pytest -n 0 -rs tests/book/lighthouse.py

phone: book  ## print what Lighthouse measures of three pages on a phone
	PYTHONPATH=tests/book:tools:_ext $(BIN)/python tests/book/lighthouse.py

bench: .venv-bench/ready  ## measure smnn beside its peers
	.venv-bench/bin/python -m benchmarks
	OMP_NUM_THREADS=1 .venv-bench/bin/python -m benchmarks.attention
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv-bench/bin/python -m benchmarks.at_work

peers: .venv-bench/ready  ## run the tests that compare with PyTorch
	.venv-bench/bin/python -m pytest -o addopts= -m peers $$(grep -l mark.peers tests/*.py)

.venv-bench/ready: benchmarks/requirements.txt pyproject.toml
	@$(PYTHON) tools/check_python.py
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt -e .
	@touch $@

fuzz: $(READY)  ## make tens of thousands of random calls of the package
	$(BIN)/python tools/fuzz.py

wheel sdist: $(READY)  ## build the wheel and the archive of the last commit, into dist
	$(BIN)/python tools/release.py

test-package: .venv-test/ready  ## run the tests of the package, without what builds the book
	.venv-test/bin/python -m pytest tests smnn --ignore=tests/book

.venv-test/ready: pyproject.toml
	@$(PYTHON) tools/check_python.py
	@test -x .venv-test/bin/python || $(PYTHON) -m venv .venv-test
	.venv-test/bin/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	.venv-test/bin/python -m pip install --quiet --disable-pip-version-check --group test -e ".[all]"
	@touch $@

clean:  ## remove the environments and everything built
	rm -rf .venv .venv-bench .venv-test _build dist build .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
