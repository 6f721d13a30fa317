# Everything that is typed here; `make help` lists it. Nothing has to be set up but a
# Python >= 3.11 with venv: each target makes the environments that it needs, once.

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
# Before pip is asked for anything: without an index it would try for minutes.
CHECK_INDEX = scripts/check_index.py
# Folders on the path. A module that finds packages would take 15 ms of each start of Python.
EDITABLE = --config-settings editable_mode=compat
# What some tests run plugins with, in place of the newest, which is installed.
OLDEST_PYWAGGLE = $(PIP_INSTALL) --no-deps --upgrade pywaggle==0.52.0.post1 --target
# Kept apart from what runs: which packages are installed, and from what they are described.
PACKAGING := setup.cfg pyproject.toml collector/setup.cfg collector/pyproject.toml \
    controller/setup.cfg controller/pyproject.toml
CLIENT := $(shell find waggle_live -name "*.py") waggle_live/py.typed
CONTROLLER := $(shell find controller/waggle_live_controller -name "*.py")
# Processes that run tests side by side: most tests wait for processes, so two cores have room.
WORKERS := 6
PYTHONS := 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13
# Tests that depend little on the Python are run on the oldest and the newest alone, and on
# `make test`'s own.
ENDS := $(firstword $(PYTHONS)) $(lastword $(PYTHONS))
# The oldest and the newest of the controller's.
CONTROLLER_PYTHONS := 3.8 3.13

# Images of CI often set it. Then each of hundreds of processes that tests start compiles all modules
# anew, and each worker rewrites all tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## List these targets
	@echo "Each target installs what it needs: with a CPython 3.11 or newer with venv, and a package index."
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

.PHONY: demo
demo: $(VENV)/.demo  ## Watch a collector and two plugins at work on a video; FOR=20 ends it after 20 s, PORT=9091 if 9090 is taken
	@exec $(PYTHON) -m demo $(if $(FOR),--for "$(FOR)") $(if $(PORT),--port "$(PORT)")

.PHONY: demo-control
demo-control: $(VENV)/.demo  ## The same under a load that comes and goes, without and with a controller; FOR=60, PORT=9091
	@exec $(PYTHON) -m demo --control $(if $(FOR),--for "$(FOR)") $(if $(PORT),--port "$(PORT)")

# tests/conftest.py says which tests share a worker, and which run alone behind all others.
TEST = $(PYTHON) -m pytest --numprocesses=$(WORKERS)
.PHONY: test
test: $(VENV)/.dev  ## Run all tests on this Python; PYTEST_ARGS="tests/demo -k port" for some
	$(if $(PYTEST_ARGS),$(PYTHON) -m pytest $(PYTEST_ARGS),$(TEST))

# The tests of what `waggle-live run` measures of PyTorch, ONNX Runtime, TFLite and Keras are skipped
# without them.
.PHONY: models
models: $(VENV)/.models  ## Install the libraries of models that some tests need (1.2 GB)

# Apart from `make test`: it takes two thirds more CPU time where tests run in our own process, and
# fails nothing. One test is left out: it raises in a signal handler wherever it can, also where
# coverage holds a lock of its own.
.PHONY: coverage
coverage: $(VENV)/.dev  ## Run all tests, and say which lines and branches of the packages they reach
	$(TEST) --cov --cov-report=term \
	    --deselect tests/waggle_live/series/test_state.py::test_interrupts_in_the_middle_of_folds

# The short forms are part of `make test`.
.PHONY: soak
soak: $(VENV)/.dev  ## Run the long forms of tests: kills, attacks, months, 15 minutes at load (about an hour; MINUTES=5 at load)
	WAGGLE_LIVE_KILLS=100 WAGGLE_LIVE_ODD_SECONDS=60 WAGGLE_LIVE_ALL_CUTS=1 \
	WAGGLE_LIVE_ATTACK_SECONDS=5 WAGGLE_LIVE_ATTACKERS=27000 WAGGLE_LIVE_LOOP_SECONDS=120 \
	WAGGLE_LIVE_DAYS=84 WAGGLE_LIVE_MODEL_EXAMPLES=1000 WAGGLE_LIVE_FUZZ_EXAMPLES=4000 \
	WAGGLE_LIVE_NAMES=1000000 \
	    $(PYTHON) -m pytest \
	    tests/end_to_end/test_collector_killed.py tests/end_to_end/test_loop_killed.py \
	    tests/robustness/test_odd_places.py tests/robustness/test_month.py \
	    tests/robustness/test_attacks.py tests/robustness/test_random_attackers.py \
	    tests/robustness/test_model.py tests/robustness/test_fuzz.py tests/robustness/test_fuzz_control.py \
	    tests/robustness/test_cardinality.py \
	    tests/waggle_live/profile/tau/test_profile.py
	$(PYTHON) -m tests.robustness.soak --minutes $(or $(MINUTES),15)

.PHONY: lint
lint: $(VENV)/.dev  ## Check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# CI leaves that of `make test` out, by WITHOUT=3.11: the same tests run there.
.PHONY: check-pythons
check-pythons: pythons  ## Run the tests of client and controller on each CPython 3.6 to 3.13 found here
	@passed=; failed=; missing=; \
	for version in $(filter-out $(WITHOUT),$(PYTHONS)); do \
	    if ! scripts/find-python $$version > /dev/null 2>&1; then missing="$$missing $$version"; \
	    elif $(MAKE) --no-print-directory .check-python-$$version; then passed="$$passed $$version"; \
	    else failed="$$failed $$version"; fi; \
	done; \
	echo "Client and controller on CPython: passed on$${passed:- none}, failed on$${failed:- none}," \
	    "not on this machine:$${missing:- none}"; \
	[ -z "$$failed" ]

# An environment for each CPython that is here, two at a time; tests/end_to_end runs plugins in them.
.PHONY: pythons
pythons: $(VENV)/.wheel
	@environments=$$(for version in $(PYTHONS); do \
	    if scripts/find-python $$version > /dev/null 2>&1; then echo .venv-$$version/.client; fi; done); \
	[ -z "$$environments" ] || $(MAKE) --no-print-directory --jobs=2 $$environments

# The tests are taken from here, but the packages from their wheels, as they would be installed: the
# directory of the repository stands last on the path.
.PHONY: $(PYTHONS:%=.check-python-%)
$(PYTHONS:%=.check-python-%): .check-python-%: .venv-%/.client
	@echo "== CPython $*"
	@.venv-$*/bin/pytest -q -p no:cacheprovider --import-mode=append --durations=3 \
	    --numprocesses=$(WORKERS) -m "not models$(if $(filter $*,$(ENDS)),, and not oldest_and_newest)" tests/waggle_live $(if $(filter $*,$(CONTROLLER_PYTHONS)),tests/controller)

.PHONY: lock
lock: $(VENV)/.dev  ## Take the newest releases of what the images are made of into locks/
	@$(PYTHON) scripts/lock.py

.PHONY: dist
dist: $(VENV)/.dev  ## Build wheels and source distributions of HEAD, and try them on old and new Pythons
	@$(PYTHON) scripts/dist.py

.PHONY: images
images: $(VENV)/.dev  ## Build the images for amd64 and arm64 into dist/images, and run them on both (15 min)
	@PYTHON=$(PYTHON) scripts/images
	@CI=true WAGGLE_LIVE_IMAGES=1 $(PYTHON) -m pytest tests/containers/test_platforms.py

.PHONY: bench
bench: .venv-bench/.peers  ## Measure beside all peers (20 min); CASES="calls scrape" for some, SHORT=1 to try
	@.venv-bench/bin/python -m bench $(if $(SHORT),--short) $(CASES)

.PHONY: bench-check
bench-check: $(VENV)/.dev  ## Check that calls, scrapes, intake and memory are as cheap as they were, by ratios
	@$(PYTHON) -m bench.check

.PHONY: clean
clean:  ## Remove the environments and all that was built or cached
	rm -rf .venv .venv-3.* .venv-bench build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf *.egg-info */*.egg-info */build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. A stamp file says that one is complete; it is made again when what it was
# made from changes. An upgrade in place is enough then, so nothing is thrown away.
$(VENV)/.python:
	@python=$$(scripts/find-python 3.11+) && "$$python" $(CHECK_INDEX) && \
	    echo "Making $(VENV) with $$python" && "$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: $(VENV)/.python $(PACKAGING) plugin-example/requirements.txt
	@$(PYTHON) $(CHECK_INDEX)
	@echo "Installing the client, the collector, the controller and what the example needs"
	@$(PYTHON) $(PIP_INSTALL) $(EDITABLE) -e . -e ./collector -e "./controller[top,service]"
	@$(PYTHON) $(PIP_INSTALL) -r plugin-example/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.txt
	@$(PYTHON) $(CHECK_INDEX)
	@echo "Installing what tests and linters need"
	@$(PYTHON) $(PIP_INSTALL) -r requirements-dev.txt
	@$(PYTHON) $(OLDEST_PYWAGGLE) $(VENV)/pywaggle-oldest
	@touch $@

# PyTorch's build for CPUs is looked for first, wherever pip is set up to look: the plain one brings
# CUDA on Linux, which is several times as large, and does as well.
$(VENV)/.models: $(VENV)/.dev requirements-models.txt
	@$(PYTHON) $(CHECK_INDEX)
	@echo "Installing the libraries of models"
	@$(PYTHON) $(PIP_INSTALL) "torch==2.13.0+cpu" 2> /dev/null || $(PYTHON) $(PIP_INSTALL) torch
	@$(PYTHON) $(PIP_INSTALL) -r requirements-models.txt
	@touch $@

# Debian's comes first where there is one: CPython built by hand often lacks PGO, and is slower.
.venv-bench/.peers: requirements-bench.txt $(PACKAGING)
	@python=$$(PATH="/usr/bin:$$PATH" scripts/find-python 3.11+) && "$$python" $(CHECK_INDEX) && \
	    echo "Making .venv-bench with $$python and the peers" && "$$python" -m venv --clear .venv-bench
	@.venv-bench/bin/python $(PIP_INSTALL) -e . -e ./collector -e ./controller -r requirements-bench.txt
	@touch $@

# What an earlier build left in build/ would be packed as well.
$(VENV)/.wheel: $(VENV)/.python $(CLIENT) $(CONTROLLER) $(PACKAGING)
	@$(PYTHON) $(CHECK_INDEX)
	@rm -rf build controller/build $(VENV)/wheels
	@$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --no-deps \
	    --wheel-dir $(VENV)/wheels . ./controller
	@touch $@

# Python 3.6's own pip is too old for this project's metadata, and the last pip for it is 21.
.venv-%/.python: requirements-client-tests.txt
	@python=$$(scripts/find-python $*) && "$$python" $(CHECK_INDEX) && \
	    echo "Making .venv-$* with $$python" && "$$python" -m venv --clear .venv-$*
	@$(if $(filter 3.6,$*),.venv-$*/bin/python $(PIP_INSTALL) --upgrade "pip<22")
	@.venv-$*/bin/python $(PIP_INSTALL) -r requirements-client-tests.txt
	@.venv-$*/bin/python $(OLDEST_PYWAGGLE) .venv-$*/pywaggle-oldest
	@touch $@

# The second time for a wheel that has changed under the same version.
.venv-%/.client: .venv-%/.python $(VENV)/.wheel
	@.venv-$*/bin/python $(CHECK_INDEX)
	@.venv-$*/bin/python $(PIP_INSTALL) $(call wheels,$*,$(PROGRAMS))
	@.venv-$*/bin/python $(PIP_INSTALL) --force-reinstall --no-deps $(call wheels,$*)
	@touch $@

# The extras of the controller that its programs need; in a variable, for a comma ends an argument.
PROGRAMS := [top,service]
# The wheels for CPython $(1): the client's, and the controller's with the extra $(2) where it runs.
wheels = $$(echo $(VENV)/wheels/waggle_live-*.whl) $(if $(filter $(1),$(CONTROLLER_PYTHONS)), \
    "$$(echo $(VENV)/wheels/waggle_live_controller-*.whl)$(2)")

.PRECIOUS: .venv-%/.python .venv-%/.client
