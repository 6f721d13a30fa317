"""Runs a script under ``waggle-live run``."""

from ..helpers import environment, run_python, write_script

RUN = ("-m", "waggle_live", "run", "--")


def run(listener, tmp_path, text, *arguments, **environ):
    """Run a script under ``waggle-live run``."""
    path = write_script(tmp_path, text)
    env = environment(
        "unix://" + listener.path,
        PYWAGGLE_LOG_DIR=str(tmp_path / "out"),
        WAGGLE_PLUGIN_HOST="127.0.0.1",
        **environ,
    )
    return run_python(*RUN, path, *arguments, env=env)
