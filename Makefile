# Every target sets up what it needs: `make test` in a fresh clone is enough.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 4
CONFIG ?= cartpole_distributed.json
GPUS ?=
WORKER ?= 0
LINES ?= 200

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Stable-Baselines3 and Optuna, which only benchmarks need.
PEERS := $(VENV)/.peers-installed
# The one of learning takes hours, so it has a target of its own.
BENCHMARKS := $(filter-out benchmarks/learning.py,$(wildcard benchmarks/*.py))
AMC := $(BIN)/amc
SHARED := $(or $(AMC_SHARED_DIR),distributed_shared)
LOGS = $(SHARED)/.fleet/$(shell uname -n)/logs
# CONFIG=x.json is configs/x.json, unless there is a file of that very name.
CONFIG_PATH = $(if $(wildcard $(CONFIG)),$(CONFIG),configs/$(CONFIG:configs/%=%))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest

.DEFAULT_GOAL := help
.PHONY: help install dist-cartpole dist-start dist-stop dist-status dist-logs dist-logs-worker \
	dist-logs-coordinator dist-quick-dev test test-all lint check wheels bench learning clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "Variables: WORKERS=$(WORKERS) CONFIG=$(CONFIG) GPUS=0,1 WORKER=$(WORKER) LINES=$(LINES) PYTHON=$(PYTHON)"

install: $(STAMP) ## create .venv and install amc with what it needs for development

# On a machine without a GPU the CPU build of torch saves gigabytes:
#   make install PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	"amc needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1). \
	Name another: make install PYTHON=python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@# Compiles the kernels, some 10 s, so that four workers need not do it side by side.
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -c 'import amc.workers.preload'
	@touch $@

dist-cartpole: install ## train CartPole with 4 workers, and stop them
	$(AMC) run configs/cartpole_distributed.json --workers 4

dist-start: install ## start WORKERS workers (on GPUS) and submit CONFIG
	$(AMC) up --workers $(WORKERS) $(if $(GPUS),--gpus $(GPUS))
	$(AMC) submit $(CONFIG_PATH)

dist-%: install ## dist-8: the same with 8 workers
	@case '$*' in *[!0-9]*) echo "No target 'dist-$*'; see make help." >&2; exit 2;; esac
	@$(MAKE) --no-print-directory dist-start WORKERS=$*

dist-stop: install ## stop the workers; what they train is checkpointed
	$(AMC) down

dist-status: install ## queues, workers and experiments
	$(AMC) status
	$(AMC) ls

dist-logs: install ## the last LINES lines of every log
	@tail -n $(LINES) $(LOGS)/*.log

dist-logs-worker: install ## the last LINES lines of worker WORKER
	@tail -n $(LINES) $(LOGS)/rl-worker-$(WORKER).log

dist-logs-coordinator: install ## the last LINES lines of the driver's worker
	@tail -n $(LINES) $(LOGS)/driver.log

dist-quick-dev: install ## start WORKERS workers with Flower and TensorBoard
	$(AMC) up --workers $(WORKERS) $(if $(GPUS),--gpus $(GPUS)) --flower --tensorboard

test: install ## run the tests
	$(PYTEST)

test-all: install ## run the tests, the slow ones too
	$(PYTEST) -m ''

lint: install ## check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test ## what a change has to pass; the same as .ci/run

wheels: install ## check that every pinned version has a wheel for CPython 3.11 to 3.14, x86-64 and ARM64
	$(BIN)/python .ci/wheels.py

bench: $(PEERS) ## run the benchmarks of speed and search
	@for file in $(BENCHMARKS); do echo "== $$file"; OMP_NUM_THREADS=1 $(BIN)/python "$$file" || exit 1; done

$(PEERS): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,bench]'
	@touch $@

learning: install ## train every preset over seeds: hours; goes on where it stopped
	$(BIN)/python benchmarks/learning.py --jobs $(shell nproc)

clean: ## remove .venv and caches; experiments stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find amc tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
