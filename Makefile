# `make demo` and `make test` set themselves up: Python 3.11 or newer, pip and make are all they need.
PYTHON ?= python3
# Another index for torch, for those who want its CPU build or another CUDA one, e.g. TORCH_INDEX=URL make demo
TORCH_INDEX ?=
BIN := .venv/bin

.PHONY: demo test interop lint format clean

demo: .venv/ready ## the bundled sample as a Prefect flow, then a tiny model trained on it
	$(BIN)/python -m flows.compile # what an update has changed
	$(BIN)/python -m flows.build recipes/starter.toml
	$(BIN)/gristmill train builds/starter --config tiny --out builds/starter-tiny

test: .venv/ready ## every test
	$(BIN)/python -m flows.compile # what an update has changed
	$(BIN)/python -m pytest

interop: .venv/ready builds/interop/ready ## exports, read by the loaders that they are made for
	$(BIN)/python -m pytest tests/interop

builds/interop/ready: tests/interop/imports.txt tests/interop/readers.txt
	$(PYTHON) -m venv builds/interop
	builds/interop/bin/python -m pip install --quiet \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --requirement tests/interop/imports.txt
	builds/interop/bin/python -m pip install --quiet --no-deps --requirement tests/interop/readers.txt
	touch $@

lint: .venv/ready ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/ready: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade-strategy only-if-needed --constraint requirements.lock \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --editable '.[train,test]'
	$(BIN)/python -m flows.compile # machine code for the kernels, kept in __pycache__
	touch $@

clean: ## everything that was made here, the built corpora too
	rm -rf .venv builds *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
