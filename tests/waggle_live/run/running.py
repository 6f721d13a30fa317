"""Runs a script under ``waggle-live run``."""

from ..helpers import environment, run_python, write_script

RUN = ("-m", "waggle_live", "run", "--")


def run(listener, tmp_path, text, *arguments, launcher=RUN, **environ):
    """Run a script under ``waggle-live run``, or under another launcher."""
    path = write_script(tmp_path, text)
    env = environment(
        "unix://" + listener.path,
        PYWAGGLE_LOG_DIR=str(tmp_path / "out"),
        WAGGLE_PLUGIN_HOST="127.0.0.1",
        **environ,
    )
    return run_python(*launcher, path, *arguments, env=env)
