"""What all tests need, on every Python that the client supports, and the servers they share.

Workers of pytest-xdist run tests side by side. Tests that share a slow server run in one worker.
Tests marked ``quiet`` come after all others and run beside one another. A test marked ``alone``
waits until no other test runs, and holds up the others until its end.
"""

import contextlib
import fcntl
import os
import re
import signal
import sys

import pytest

# jsonschema takes this package where it is, as one of `make dist` brings it. Its import takes two
# seconds of each worker, and checks what no schema here has: addresses with letters of all scripts.
sys.modules["rfc3987_syntax"] = None

with contextlib.suppress(ImportError):  # the client's tests on older Pythons have none of it
    from hypothesis import HealthCheck, settings

    # How long an example takes says nothing on a busy machine.
    settings.register_profile(
        "busy",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("busy")

# A shell starts what it runs in the background with SIGINT ignored, nohup with SIGHUP, and so would
# every process be that a test starts and signals.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

#: Tests that share a server, an image, a browser or a port, by a part of their path: each line is
#: run by one worker, so the server is started once.
TOGETHER = (
    "/containers/",
    "broker.py",
    "/end_to_end/test_page",
    "/first_steps/",
    "/deploy/test_fleet.py",
    "/deploy/test_dashboard.py",
    "test_native_histograms.py",
    "/end_to_end/test_states.py",
    "/end_to_end/test_generations.py",
    "/docs/test_environment.py",
    "/robustness/test_attacks.py",
    "/robustness/test_floods.py",
)


def together(nodeid):
    """Return the part of ``TOGETHER`` that a test belongs to, None if it belongs to none."""
    return next((part for part in TOGETHER if part in nodeid), None)


def marked(item, name):
    """Return whether a test has a mark."""
    return item.get_closest_marker(name) is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each test, in their order, to whichever worker is free; those ``TOGETHER`` to one."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return together(nodeid) or nodeid

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def pytest_collection_modifyitems(items):
    """Begin with the tests that one worker runs, which take long; end with those held to times."""
    items.sort(
        key=lambda item: (marked(item, "alone"), marked(item, "quiet"), not together(item.nodeid))
    )


@contextlib.contextmanager
def lock(item, name, how):
    """Hold a lock of all workers: each worker's directory stands in that of the whole run."""
    path = os.path.join(os.path.dirname(item.config.option.basetemp), name)
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Hold what keeps a test that is alone, or quiet, from those that may not run beside it."""
    with contextlib.ExitStack() as held:
        if hasattr(item.config, "workerinput"):
            alone, quiet = marked(item, "alone"), marked(item, "quiet")
            if quiet:
                with lock(item, "busy", fcntl.LOCK_EX):
                    pass  # the last of those that are neither has ended
            elif not alone:
                held.enter_context(lock(item, "busy", fcntl.LOCK_SH))
            held.enter_context(lock(item, "running", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        yield


def pytest_terminal_summary(terminalreporter):
    """Name the Debian packages that tests were skipped for."""
    reasons = [report.longrepr[-1] for report in terminalreporter.stats.get("skipped", [])]
    packages = set(re.findall(r"Debian package '(.+?)'", "\n".join(reasons)))
    if packages:
        line = "To run what was skipped: apt-get install " + " ".join(sorted(packages))
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def broker():
    """A RabbitMQ set up as on a node, without messages; each test takes all that it caused."""
    from tests import broker

    with broker.start() as running:
        yield running
