"""Which rows of TAU's profiles count, and as what."""

import pytest

from waggle_live.profile.names import label
from waggle_live.profile.tau import rows
from waggle_live.wire.protocol import check_function

from .recorded import FILES, read

pytestmark = pytest.mark.oldest_and_newest


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("inference ", "inference"),
        ("tiny [{throttle.py}{2}] [THROTTLED]", "tiny [{throttle.py}{2}]"),
        (" [THROTTLED]", ""),
    ],
)
def test_a_mark_of_taus_is_no_part_of_a_name(name, key):
    """TAU adds it in the middle of a run."""
    assert rows.key(name.encode()) == key.encode()
    assert rows.is_throttled(name.encode()) is name.endswith("[THROTTLED]")


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_name_may_travel(name):
    """Whatever is in a profile, the wire takes its label."""
    for line in read(name).split(b"\n"):
        assert check_function(label(rows.key(line)))


@pytest.mark.parametrize(
    ("group", "is_repeated"),
    [
        (b"TAU_PYTHON", False),
        (b"TAU_CALLPATH|TAU_PYTHON", True),
        (b"TAU_PYTHON|TAU_CALLPATH", True),
        (b"TAU_SAMPLE", True),
        (b"TAU_SAMPLE_CONTEXT|TAU_DEFAULT", True),
        (b"MY_TAU_SAMPLE", False),
    ],
)
def test_rows_that_repeat_others(group, is_repeated):
    """Call paths and samples count what functions count already."""
    assert (rows.REPEATED.search(group) is not None) is is_repeated


@pytest.mark.parametrize(
    "name",
    [
        ".TAU application",
        "[PTHREAD] make_new_set [{/usr/src/Objects/setobject.c} {957, 0}]",
        "[PTHREAD] blas_thread_server",
        "acquire",
        "sleep",
        "select",
        "poll",
        "recv_into",
        "waitpid",
        "wait [{threading.py}{295}]",
        "wait [{/usr/local/lib/python3.12/threading.py} {637}]",
        "_wait_for_tstate_lock [{threading.py}{1125}]",
        "select [{/usr/lib/python3.12/selectors.py} {451}]",
        "readinto [{/usr/lib/python3.12/socket.py} {694}]",
        "_worker [{/usr/lib/python3.12/concurrent/futures/thread.py} {69}]",
        "_recv [{/usr/lib/python3.12/multiprocessing/connection.py} {390}]",
    ],
)
def test_what_waits_is_idle(name):
    """Threads outside of all functions, C functions that wait, and who calls them from 3.12 on."""
    assert rows.is_idle(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "join",
        "read",
        "get",
        "sleep [{/app/main.py}{3}]",
        "wait [{/app/main.py}{3}]",
        "select [{/app/my_selectors.py}{3}]",
        "acquire [{/app/camera.py} {3}]",
        "_recv [{/app/connection.py} {3}]",
        "notify [{threading.py}{394}]",
        "infer [{/app/.TAU application}{1}]",
        "sleepy",
    ],
)
def test_what_works_is_not_idle(name):
    """A plugin's functions of the same name; ``str.join`` and files, which TAU names likewise."""
    assert not rows.is_idle(name.encode())


@pytest.mark.parametrize(
    ("name", "is_nameable"),
    [
        ("infer [{/app/main.py}{4}]", True),
        ("a => b", False),
        ("_find_and_load [{<frozen importlib._bootstrap>}{1}]", False),
        ("run [{waggle_live_tau_start.py}{90}]", False),
        ("main [{/usr/lib/waggle_live_tau_start.py} {60}]", False),
        ("run [{/app/my_waggle_live_tau_start.py}{90}]", True),
    ],
)
def test_who_may_have_a_series(name, is_nameable):
    """No call paths, no machinery of imports, and nothing of ours."""
    assert rows.is_nameable(name.encode()) is is_nameable


def test_the_thread_that_dumps_is_known_by_its_function():
    """A plugin's own function of that name is not it."""
    assert rows.is_dumper(b"dump_until [{/x/waggle_live_tau_start.py} {40}]")
    assert rows.is_dumper(b"dump_until [{waggle_live_tau_start.py}{40}]")
    assert not rows.is_dumper(b"dump_until [{/app/main.py} {40}]")
