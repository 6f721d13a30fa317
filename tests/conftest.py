"""What all tests need, on every Python that the client supports, and the servers they share.

Workers of pytest-xdist run tests side by side. Tests that share a slow server run in one worker;
a test marked ``alone`` waits until no other test runs, and holds up the others until its end.
"""

import contextlib
import fcntl
import os
import re
import signal

import pytest

with contextlib.suppress(ImportError):  # the client's tests on older Pythons have none of it
    from hypothesis import HealthCheck, settings

    # How long an example takes says nothing on a busy machine.
    settings.register_profile(
        "busy",
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("busy")

# A shell starts what it runs in the background with SIGINT ignored, and so would every process
# be that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
)


def together(nodeid):
    """Return the part of ``TOGETHER`` that a test belongs to, None if it belongs to none."""
    return next((part for part in TOGETHER if part in nodeid), None)


def is_alone(item):
    """Return whether nothing may run beside a test."""
    return item.get_closest_marker("alone") is not None


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
    """Begin with the tests that one worker runs, which take long; end with those that run alone."""
    items.sort(key=lambda item: (is_alone(item), not together(item.nodeid)))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Hold a lock of all workers, which a test that runs alone shares with no other test."""
    if not hasattr(item.config, "workerinput"):
        yield
        return
    # Each worker's directory stands in that of the whole run.
    lock = os.open(os.path.dirname(item.config.option.basetemp), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX if is_alone(item) else fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


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
