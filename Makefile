# What people do with Arrears, one target each; `make` alone lists them.
# Needs Python 3.11 or newer, git and make. Everything else comes from the hash-locked requirements into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
CONTRACTS ?= 1000000
BENCH_DAY := 2026-11-20

# The first Python that is new enough; PYTHON=... chooses another one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
JAVA_17 = $(shell java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | awk '$$1 >= 17')

# `make run LEDGER=...` and its companions become settings; $(value) leaves a $ in a URL's password alone.
ifdef LEDGER
export ARREARS_LEDGER := $(value LEDGER)
endif
ifdef MAPPING
export ARREARS_LEDGER_MAPPING := $(value MAPPING)
endif
ifdef COLLECTORS
export ARREARS_COLLECTORS := $(value COLLECTORS)
endif
ifdef AS_OF
export ARREARS_AS_OF := $(value AS_OF)
endif
ifdef MATERIALITY
export ARREARS_MATERIALITY := $(value MATERIALITY)
endif
ifdef GRACE_DAYS
export ARREARS_GRACE_DAYS := $(value GRACE_DAYS)
endif

.PHONY: help run up down test lint lint-style lint-types lint-sql lint-rules bench faults docs lock env clean

help: ## list the targets
	@echo "Arrears: a lender's daily collections strategy on Apache Airflow."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  make run and make up take LEDGER=<folder or SQLAlchemy URL> AS_OF=<YYYY-MM-DD> MATERIALITY=<10%>"
	@echo "  GRACE_DAYS=<3> MAPPING=<file> COLLECTORS=<file>; without a LEDGER they use the demo lender."

run: $(VENV)/.runtime ## run one business day through Airflow and print its summary (about 2 minutes)
	@$(BIN)/python -m arrears.stack run

up: $(VENV)/.runtime ## start the same stack and stay, with the UI on localhost (Ctrl-C or make down ends it)
	@$(BIN)/python -m arrears.stack up

down: $(VENV)/.runtime ## stop what make up or make run started
	@$(BIN)/python -m arrears.stack down

test: ## lint, then run every test that this machine has the tools for (about 15 minutes)
	@$(MAKE) --no-print-directory $(VENV)/.$(if $(JAVA_17),spark,dev)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest --durations=20 --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not alone" $(TESTS)
	@$(BIN)/python -m pytest --durations=5 -m alone $(TESTS)

lint: $(VENV)/.dev ## check style, types, SQL and rule files (half a minute)
	@$(MAKE) --no-print-directory -k -j4 $(if $(filter output-sync,$(.FEATURES)),-Otarget) \
		lint-style lint-types lint-sql lint-rules

lint-style: $(VENV)/.dev
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && echo "style: good"

lint-types: $(VENV)/.dev
	@$(BIN)/mypy --no-error-summary && echo "types: good"

lint-sql: $(VENV)/.dev
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar --nocolor include/sql > $(VENV)/.sqlfluff.out 2>&1 \
		&& echo "SQL: good" || { cat $(VENV)/.sqlfluff.out; exit 1; }

lint-rules: $(VENV)/.dev
	@$(BIN)/arrears rules check

bench: ## measure ageing, rules and growth beside Polars, pandas, PostgreSQL, Spark and zen (about 12 minutes)
	@$(MAKE) --no-print-directory $(VENV)/.$(if $(JAVA_17),spark,dev)
	@echo "PARTS=$(if $(PARTS),$(PARTS),all but day): figures go to .arrears/bench; docs/performance.md tells more."
	@$(BIN)/python -m tests.bench --as-of $(BENCH_DAY) --contracts $(CONTRACTS) $(if $(PARTS),--parts $(PARTS)) \
		$(if $(ENGINES),--engines $(ENGINES)) $(if $(GROWTH),--growth $(GROWTH)) \
		$(if $(BENCH_LEDGER),--ledger "$(BENCH_LEDGER)") $(if $(PAGE),--page $(PAGE))

faults: $(VENV)/.dev ## send TASKS=20000 contacts through kills, faults and restarts, once for each of SEEDS=20 (an hour)
	@$(BIN)/python -m tests.support.outreach_faults --seeds $(or $(SEEDS),20) --tasks $(or $(TASKS),20000)

docs: $(VENV)/.runtime ## write the generated pages of docs/ and the JSON Schemas of the rule files
	@$(BIN)/arrears docs build

env: .env ## write .env for docker compose from env.template, with new secrets

.env: env.template
	@test ! -e $@ || { echo ".env is there already and is older than env.template; compare the two." >&2; exit 1; }
	@umask 077; secret() { head -c 32 /dev/urandom | base64 | tr '+/' '-_'; }; \
	while IFS= read -r line; do case "$$line" in \
		*_PASSWORD=|*_KEY=|*_TOKEN=) echo "$$line$$(secret)" ;; \
		*'{secret}'*) echo "$${line%%'{secret}'*}$$(secret)$${line#*'{secret}'}" ;; \
		*) printf '%s\n' "$$line" ;; esac; done < env.template > $@
	@echo "Wrote .env. The password of Airflow's user admin is its AIRFLOW_ADMIN_PASSWORD."

clean: ## stop what runs; delete .arrears (lake, reports, databases), .venv and caches
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m arrears.stack down || true; fi
	rm -rf .arrears $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment: each level holds the ones before it, so going back and forth installs nothing anew ---

UV := $(BIN)/uv pip
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

# $(call install,lock): the packages of requirements/<lock>.txt and nothing else, then Arrears itself in place.
define install
@echo "Installing requirements/$(1).txt into $(VENV): seconds from a filled cache, one to three minutes without."
@$(UV) sync --quiet --python $(BIN)/python --require-hashes requirements/$(1).txt
@$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
endef

$(VENV)/.bootstrap: requirements/bootstrap.txt
	@test -n "$(PYTHON)" || { \
		echo "Arrears needs Python 3.11 or newer as python3; found: $$(python3 --version 2>&1)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

# A level that stands already is brought up to date whole, else `make run` after a pull would take pytest away.
$(VENV)/.runtime: $(VENV)/.bootstrap requirements/runtime.txt pyproject.toml
	$(call install,$(or $(patsubst $(VENV)/.%,%,$(firstword $(wildcard $(VENV)/.spark $(VENV)/.dev))),runtime))
	@touch $@ $(wildcard $(VENV)/.spark $(VENV)/.dev)

$(VENV)/.dev: $(VENV)/.bootstrap requirements/dev.txt pyproject.toml
	$(call install,$(if $(wildcard $(VENV)/.spark),spark,dev))
	@touch $(VENV)/.runtime $@ $(wildcard $(VENV)/.spark)

$(VENV)/.spark: $(VENV)/.bootstrap requirements/spark.txt pyproject.toml
	$(call install,spark)
	@touch $(VENV)/.runtime $(VENV)/.dev $@

lock: $(VENV)/.bootstrap ## bring the lock files up to pyproject.toml (UPGRADE=1: to the newest versions)
	@printf 'setuptools>=80\nuv\n' | $(COMPILE) - -o requirements/bootstrap.txt
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --extra dev -c requirements/runtime.txt -o requirements/dev.txt
	@$(COMPILE) pyproject.toml --extra dev --extra spark -c requirements/dev.txt -o requirements/spark.txt
	@git --no-pager diff --stat -- requirements
