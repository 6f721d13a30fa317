"""Real collectors for tests of robustness."""

import contextlib
import glob

import pytest

from tests.collector.harness import CollectorProcess
from tests.programs import skip_without

from .processes import end_all

FAKETIME = sorted(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))


@pytest.fixture(scope="session")
def collector():
    """One ready collector for all tests that leave it as it is; each uses its own task name."""
    with CollectorProcess().start() as process:
        yield process


@pytest.fixture(autouse=True)
def no_process_left():
    """End the programs that a test left running because it failed."""
    yield
    end_all()


@pytest.fixture()
def make_collector():
    """Start a ready collector with these flags, to hurt, kill and restart."""
    with contextlib.ExitStack() as stack:

        def make(*flags, **options):
            process = CollectorProcess(flags=flags, **options)
            return stack.enter_context(process).start()

        yield make


@pytest.fixture()
def own_collector(make_collector):
    """A ready collector of this test's own."""
    return make_collector()


@pytest.fixture()
def task(request):
    """A task name of this test's own."""
    return request.node.name


@pytest.fixture()
def wall_clock(tmp_path, monkeypatch):
    """Let all processes started from here on see a wall clock that ``step(seconds)`` steps."""
    if not FAKETIME:
        skip_without("libfaketime", "faketime")
    offset = tmp_path / "offset"

    def step(seconds):
        new = tmp_path / "new"
        new.write_text("%+d" % seconds)
        new.replace(offset)

    step(0)
    monkeypatch.setenv("LD_PRELOAD", FAKETIME[0])
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    monkeypatch.setenv("DONT_FAKE_MONOTONIC", "1")  # its name in older versions
    monkeypatch.setenv("NO_FAKE_STAT", "1")
    return step
