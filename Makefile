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
# Those of learning take hours, so one has a target of its own; the one of pruning half an hour.
BENCHMARKS := $(filter-out $(addprefix benchmarks/,learning.py pruning.py sb3_learning.py), \
	$(wildcard benchmarks/*.py))
AMC := $(BIN)/amc
SHARED := $(or $(AMC_SHARED_DIR),distributed_shared)
LOGS = $(SHARED)/.fleet/$(shell uname -n)/logs
# CONFIG=x.json is configs/x.json, unless there is a file of that very name.
CONFIG_PATH = $(if $(wildcard $(CONFIG)),$(CONFIG),configs/$(CONFIG:configs/%=%))
FLEET = $(strip --workers $(WORKERS) $(if $(GPUS),--gpus $(GPUS)))
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest

.DEFAULT_GOAL := help
.PHONY: help install build dist-cartpole dist-start dist-stop dist-restart dist-clean dist-status \
	dist-logs dist-logs-worker dist-logs-coordinator dist-follow dist-quick-dev dist-shell \
	test test-all lint check wheels bench learning clean

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
	@# Compiles the kernels, some 40 s, so that the first command need not.
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -c 'import amc.workers.preload'
	@touch $@

build: ## build the Docker image
	docker build --tag ai-mission-control \
	  $(if $(PIP_EXTRA_INDEX_URL),--build-arg PIP_EXTRA_INDEX_URL=$(PIP_EXTRA_INDEX_URL)) .

dist-cartpole: install ## train CartPole with 4 workers, and stop them; with the workers that are up, if any
	$(AMC) run configs/cartpole_distributed.json

dist-start: install ## start WORKERS workers (on GPUS) unless some are up, and submit CONFIG
	$(AMC) up $(FLEET) --if-down
	$(AMC) submit $(CONFIG_PATH)

dist-%: install ## dist-8: the same with 8 workers
	@case '$*' in *[!0-9]*) echo "No target 'dist-$*'; see make help." >&2; exit 2;; esac
	@$(MAKE) --no-print-directory dist-start WORKERS=$*

dist-stop: install ## stop the workers; what they train is checkpointed
	$(AMC) down

dist-restart: install ## stop the workers and start WORKERS anew; experiments go on
	$(AMC) down
	$(AMC) up $(FLEET)

dist-clean: install ## stop the workers, remove their logs and messages; experiments stay
	$(AMC) down --clean

dist-status: install ## queues, workers and experiments
	$(AMC) status
	$(AMC) ls

dist-logs: install ## the last LINES lines of every log
	@tail -n $(LINES) $(LOGS)/*.log

dist-logs-worker: install ## the last LINES lines of worker WORKER
	@tail -n $(LINES) $(LOGS)/rl-worker-$(WORKER).log

dist-logs-coordinator: install ## the last LINES lines of the driver's worker
	@tail -n $(LINES) $(LOGS)/driver.log

dist-follow: install ## what is said about the newest experiment, until it ends or Ctrl-C
	@$(AMC) logs --follow

dist-quick-dev: install ## start WORKERS workers with Flower, TensorBoard and Jupyter Lab
	$(AMC) up $(FLEET) --flower --tensorboard --jupyter

# Docker's container if it runs, because there the fleet is; else this shell with amc on its path.
dist-shell: install ## a shell where amc is: in the container rl-coordinator if it runs, else here
	@if [ -n "$$(docker ps --quiet --filter name=^rl-coordinator$$ 2> /dev/null)" ]; \
	then exec docker exec --interactive --tty rl-coordinator bash; \
	else PATH="$(abspath $(BIN)):$$PATH" VIRTUAL_ENV="$(abspath $(VENV))" exec "$${SHELL:-sh}"; fi

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
	find amc tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
