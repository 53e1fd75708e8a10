# Everything is run from here, the same locally and in CI. `make demo` and `make test` set up
# what they need first.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PROGRAMS := src/opendmm/forwarding/ebpf/tunnels.bpf.o
UV_VERSION := 0.13.9
SCHEDULES ?= 10000
INPUTS ?= 1000000

.PHONY: help setup system demo test slow check fuzz bench format lock docs clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: system $(READY) $(PROGRAMS) ## Python environment, system packages, packet programs

system:
	@scripts/system-packages

$(READY): requirements.lock pyproject.toml
	@scripts/python-environment $(VENV) $(UV_VERSION)
	@touch $@

$(PROGRAMS): $(PROGRAMS:.o=.c) $(READY)
	@$(PYTHON) -m opendmm.forwarding.ebpf.build || true

demo: setup ## Live sessions survive a change of anchor: cooperative, then condensed
	@scripts/demo $(PYTHON)

test: setup ## The whole test suite, live laboratory tests included
	$(PYTHON) -m pytest

slow: setup ## Tests that take long: timers of routing daemons, modes by their round trips
	$(PYTHON) -m pytest -m slow

check: setup ## Format, lint, types, import directions, generated documents
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTHON) -m pytest -q -k in_step

fuzz: setup ## Ten thousand schedules in the simulator, a million inputs to each codec (SCHEDULES=, INPUTS=)
	$(PYTHON) -m opendmm.simulation.fuzz --schedules $(SCHEDULES)
	$(PYTHON) tests/wire/mobility_header_fuzzer.py --runs $(INPUTS)
	$(PYTHON) tests/wire/lisp_fuzzer.py --runs $(INPUTS)

bench: setup ## Benchmarks; each prints its method and ratios
	@failed=0; for script in benchmarks/*.py; do \
		echo "== $$script"; $(PYTHON) $$script || failed=1; echo; done; exit $$failed

format: setup ## Put code into form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: setup ## Make the generated documents, pictures and output again; as root
	$(PYTHON) -m opendmm.constellation.reference
	$(PYTHON) -m opendmm.bindings.native.schema
	$(PYTHON) -m opendmm.report.reference
	for name in condensed cooperative; do \
		$(VENV)/bin/dmm draw examples/$$name.yaml -o docs/img/$$name.svg; done
	$(PYTHON) tests/documents.py

lock: ## Resolve the dependencies anew
	scripts/with-uv $(UV_VERSION) pip compile --universal --generate-hashes --no-header \
		--no-annotate --upgrade --extra dev --python-version 3.11 pyproject.toml -o requirements.lock

clean: ## Remove what setup made
	rm -rf $(VENV) $(PROGRAMS) .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
