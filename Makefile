# The commands of the project; `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint bench-training bench-terms serve mlflow bento clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## make .venv with the exact versions of configs/constraints.txt

$(STAMP): pyproject.toml configs/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint configs/constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint configs/constraints.txt --editable '.[train,eval,dev]'
	touch $(STAMP)

# Stages that do not need each other run side by side, trainings on a core each; what they need stands in the line before. If one fails, the
# others of its line still run to their end (at DVC's own 255, xargs would leave them running alone), and the next line does not start.
side_by_side = @printf '%s\n' $(1) | xargs -P 2 -I STAGE sh -c 'echo "running STAGE" >&2; \
	dvc --wait-for-lock repro --quiet --single-item STAGE || { echo "STAGE failed: dvc repro STAGE" >&2; exit 1; }'

demo: install ## train, prove and serve the demo models, then show five messages
	$(call side_by_side,prepare_translation prepare_intents)
	$(call side_by_side,train_translation@en-xx train_translation@xx-en train_intents baseline_intents)
	$(call side_by_side,export_translation@en-xx export_translation@xx-en export_intents)
	$(call side_by_side,evaluate_translation evaluate_terms evaluate_intents)
	dvc repro --quiet
	python -m eval.gate
	python -m eval.demo

# The pipeline's tests train and measure on both cores, and run alone.
test: install lint ## everything that proves it: lint, types, import rule, tests
	pytest -m pipeline
	pytest -m 'not pipeline' --numprocesses 2 --dist loadfile

lint: install
	ruff check .
	ruff format --check .
	mypy
	lint-imports

bench-training: install ## how fast models train, beside transformers' own trainer, on the prepared data
	python -m eval.training_speed

bench-terms: install ## how large glossaries load, and how fast their terms are found
	python -m eval.term_matching

serve: install ## keep the service running on http://127.0.0.1:3000
	python -m serving

mlflow: install ## the runs, on http://127.0.0.1:5000
	mlflow server --backend-store-uri sqlite:///.mlflow/mlflow.db --host 127.0.0.1 --port 5000 --workers 1

bento: install ## a Bento that runs without this repository
	bentoml build

clean: ## remove what can be made again, models and runs too
	rm -rf .cache .mlflow data/prepared data/work training/models training/bundles training/parity training/checkpoints eval/results/work eval/results/report.*
