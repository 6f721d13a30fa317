# Everything that is typed here; `make help` lists it. Nothing has to be set up but a
# Python >= 3.11 with venv: each target makes the environments that it needs, once.

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
# Kept apart from what runs: which packages are installed, and from what they are described.
PACKAGING := setup.cfg pyproject.toml collector/setup.cfg collector/pyproject.toml \
    controller/setup.cfg controller/pyproject.toml
CLIENT := $(shell find waggle_live -name "*.py") waggle_live/py.typed
CLIENT_TESTS := tests/waggle_live
# It raises from a signal handler wherever it comes, so also where coverage holds its own lock, and
# then hangs. `make check-pythons` runs it without coverage.
UNCOVERED := tests/waggle_live/series/test_state.py::test_interrupts_in_the_middle_of_folds
# Processes that run tests side by side; two cores have enough to do with them.
WORKERS := 4
PYTHONS := 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## List these targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

.PHONY: demo
demo: $(VENV)/.demo  ## Run the collector and two plugins on a real video; FOR=20 ends after 20 s, PORT=9091
	@exec $(PYTHON) -m demo $(if $(FOR),--for "$(FOR)") $(if $(PORT),--port "$(PORT)")

# Most tests wait for processes, so several run at once, each given to who is free; then, one by
# one, those marked `alone`, which hold others to a time. (There are no groups: loadgroup without
# them hands out single tests, in their order.) Some of them, as named by PYTEST_ARGS, run in one process.
COVERED := $(PYTHON) -m pytest --cov --deselect $(UNCOVERED)
.PHONY: test
test: $(VENV)/.dev pythons  ## Run all tests, with branch coverage, then the client's on every Python here
ifdef PYTEST_ARGS
	$(COVERED) --cov-report=term $(PYTEST_ARGS)
else
	$(COVERED) --cov-report= --numprocesses=$(WORKERS) --dist=loadgroup -m "not alone"
	$(COVERED) --cov-report=term --cov-append -m alone
endif
	@$(MAKE) --no-print-directory check-pythons

# The short forms are part of `make test`.
.PHONY: soak
soak: $(VENV)/.dev  ## Run the long forms: 100 kills, a minute of odd places, profiles cut everywhere, MINUTES=15 at load
	WAGGLE_LIVE_KILLS=100 WAGGLE_LIVE_ODD_SECONDS=60 WAGGLE_LIVE_ALL_CUTS=1 $(PYTHON) -m pytest \
	    tests/end_to_end/test_collector_killed.py tests/robustness/test_odd_places.py \
	    tests/waggle_live/profile/tau/test_profile.py
	$(PYTHON) -m tests.robustness.soak --minutes $(or $(MINUTES),15)

.PHONY: lint
lint: $(VENV)/.dev  ## Check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# Two at a time; then, one by one, those marked `alone`. What passed both ways leaves its stamps.
.PHONY: check-pythons
check-pythons: $(VENV)/.wheel  ## Run the client's tests on each CPython 3.6 to 3.13 that this machine has
	@here=; passed=; failed=; missing=; \
	for version in $(PYTHONS); do \
	    if scripts/find-python $$version > /dev/null; then here="$$here $$version"; \
	    else missing="$$missing $$version"; fi; \
	done; \
	rm -f .venv-3.*/.passed-*; \
	if [ -n "$$here" ]; then \
	    run="$(MAKE) --no-print-directory --keep-going --output-sync"; \
	    $$run --jobs=2 $$(printf '.check-python-%s ' $$here); \
	    $$run --jobs=1 $$(printf '.check-alone-%s ' $$here); \
	fi; \
	for version in $$here; do \
	    if [ -e .venv-$$version/.passed-python ] && [ -e .venv-$$version/.passed-alone ]; \
	    then passed="$$passed $$version"; else failed="$$failed $$version"; fi; \
	done; \
	echo "The client's tests on CPython: passed on$${passed:- none}, failed on$${failed:- none}," \
	    "not on this machine:$${missing:- none}"; \
	[ -z "$$failed" ]

# An environment for each CPython that is here, two at a time; tests/end_to_end runs plugins in them.
.PHONY: pythons
pythons: $(VENV)/.wheel
	@environments=$$(for version in $(PYTHONS); do \
	    if scripts/find-python $$version > /dev/null; then echo .venv-$$version/.client; fi; done); \
	[ -z "$$environments" ] || $(MAKE) --no-print-directory --jobs=2 $$environments

# The tests are taken from here, but the client from its wheel, as it would be installed: the
# directory of the repository stands last on the path.
CHECK = .venv-$*/bin/pytest -q -p no:cacheprovider --import-mode=append --durations=3 $(CLIENT_TESTS)
.PHONY: $(PYTHONS:%=.check-python-%) $(PYTHONS:%=.check-alone-%)
$(PYTHONS:%=.check-python-%): .check-python-%: .venv-%/.client
	@echo "== The client's tests on CPython $*"
	@$(CHECK) -m "not alone"
	@touch .venv-$*/.passed-python

$(PYTHONS:%=.check-alone-%): .check-alone-%: .venv-%/.client
	@echo "== The client's tests on CPython $* that run alone"
	@$(CHECK) -m alone
	@touch .venv-$*/.passed-alone

# The controller's tests, from its own wheel with the extra top, on the oldest and the newest of its
# Pythons.
CONTROLLER_PYTHONS := 3.8 3.13
.PHONY: check-controller $(CONTROLLER_PYTHONS:%=.check-controller-%)
check-controller:  ## Run the controller's tests on CPython 3.8 and 3.13, those that this machine has
	@for version in $(CONTROLLER_PYTHONS); do \
	    if ! scripts/find-python $$version > /dev/null; then echo "CPython $$version isn't here"; \
	    else $(MAKE) --no-print-directory .check-controller-$$version || exit 1; fi; \
	done

$(CONTROLLER_PYTHONS:%=.check-controller-%): .check-controller-%: .venv-%/.controller
	@echo "== The controller's tests on CPython $*"
	@.venv-$*/bin/pytest -q -p no:cacheprovider --import-mode=append tests/controller

.venv-%/.controller: .venv-%/.python $(VENV)/.controller-wheel
	@wheel=$$(echo $(VENV)/wheels-controller/*.whl) && \
	    .venv-$*/bin/python $(PIP_INSTALL) "$$wheel[top]" && \
	    .venv-$*/bin/python $(PIP_INSTALL) --force-reinstall --no-deps "$$wheel"
	@touch $@

$(VENV)/.controller-wheel: $(VENV)/.python $(shell find controller/waggle_live_controller -name "*.py") \
    controller/setup.cfg controller/pyproject.toml
	@rm -rf controller/build $(VENV)/wheels-controller && $(PYTHON) -m pip wheel --quiet --no-deps \
	    --disable-pip-version-check --wheel-dir $(VENV)/wheels-controller ./controller
	@touch $@

# Where there is one, CPython as Debian builds it: one built by hand often lacks PGO, and is slower.
BENCH_PYTHON ?= $(shell [ -x /usr/bin/python3 ] && /usr/bin/python3 -c \
    "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))" 2> /dev/null && \
    echo /usr/bin/python3 || scripts/find-python 3.11+)

.PHONY: bench
bench: .venv-bench/.peers  ## Measure beside all peers (10 min); CASES="calls scrape" for some of it
	@.venv-bench/bin/python -m bench $(CASES)

.PHONY: bench-check
bench-check: $(VENV)/.dev  ## Check that the hot path is as cheap as it was, by ratios
	@$(PYTHON) -m bench.check

.PHONY: clean
clean:  ## Remove the environments and all that was built or cached
	rm -rf .venv .venv-3.* .venv-bench build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf *.egg-info */*.egg-info */build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. A stamp file says that one is complete; it is made again when what it was
# made from changes. An upgrade in place is enough then, so nothing is thrown away.
$(VENV)/.python:
	@python=$$(scripts/find-python 3.11+) && echo "Making $(VENV) with $$python" && \
	    "$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python $(PACKAGING) plugin-example/requirements.txt
	@echo "Installing the client, the collector, the controller and what the example needs"
	@$(PYTHON) $(PIP_INSTALL) -e . -e ./collector -e "./controller[top]"
	@$(PYTHON) $(PIP_INSTALL) -r plugin-example/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.txt
	@echo "Installing what tests and linters need"
	@$(PYTHON) $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

.venv-bench/.peers: requirements-bench.txt $(PACKAGING)
	@echo "Making .venv-bench with $(BENCH_PYTHON) and the peers"
	@"$(BENCH_PYTHON)" -m venv --clear .venv-bench
	@.venv-bench/bin/python $(PIP_INSTALL) -e . -e ./collector -r requirements-bench.txt
	@touch $@

# What an earlier build left in build/ would be packed as well.
$(VENV)/.wheel: $(VENV)/.python $(CLIENT) setup.cfg pyproject.toml
	@rm -rf build $(VENV)/wheels && $(PYTHON) -m pip wheel --quiet --disable-pip-version-check \
	    --no-deps --wheel-dir $(VENV)/wheels .
	@touch $@

# Python 3.6's own pip is too old for this project's metadata, and the last pip for it is 21.
.venv-%/.python: requirements-client-tests.txt
	@echo "Making .venv-$*"
	@"$$(scripts/find-python $*)" -m venv --clear .venv-$*
	@.venv-$*/bin/python $(PIP_INSTALL) --upgrade $(if $(filter 3.6,$*),"pip<22",pip)
	@.venv-$*/bin/python $(PIP_INSTALL) -r requirements-client-tests.txt
	@touch $@

.venv-%/.client: .venv-%/.python $(VENV)/.wheel
	@.venv-$*/bin/python $(PIP_INSTALL) $(VENV)/wheels/*.whl
	@.venv-$*/bin/python $(PIP_INSTALL) --force-reinstall --no-deps $(VENV)/wheels/*.whl
	@touch $@

.PRECIOUS: .venv-%/.python .venv-%/.client .venv-%/.controller
