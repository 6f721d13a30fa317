"""Runs a script under ``waggle-live run``."""

import importlib.util
import os

import pytest

from ..helpers import environment, run_python, write_script

RUN = ("-m", "waggle_live", "run", "--")


def run(listener, tmp_path, text, *arguments, launcher=RUN, timeout=30, **environ):
    """Run a script under ``waggle-live run``, or under another launcher."""
    path = write_script(tmp_path, text)
    env = environment(
        "unix://" + listener.path,
        PYWAGGLE_LOG_DIR=str(tmp_path / "out"),
        WAGGLE_PLUGIN_HOST="127.0.0.1",
        **environ,
    )
    return run_python(*launcher, path, *arguments, env=env, timeout=timeout)


def run_model(listener, tmp_path, text, *arguments):
    """Run a script that uses a library of models to its good end; some write to stderr."""
    places = {"KERAS_HOME": str(tmp_path / "keras"), "KERAS_BACKEND": "torch"}
    done = run(listener, tmp_path, text, *arguments, timeout=300, **places)
    assert done[:2] == (0, ""), done


def need(module):
    """Skip a test for want of a library of models; fail in CI."""
    if importlib.util.find_spec(module) is None:
        reason = "%s is missing: `make models` installs it" % module.replace("_", "-")
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
