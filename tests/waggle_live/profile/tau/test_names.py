"""What a function of TAU's is called here."""

import pytest

from waggle_live.profile.tau import names
from waggle_live.wire.protocol import check_function

from .recorded import FILES, read


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("inference ", "inference"),
        ("infer [{/app/app.py}{4}]", "infer [app.py:4]"),
        ("infer [{../app.py} {4}]", "infer [app.py:4]"),
        ("load [{/usr/lib/python3/json/__init__.py}{28}]", "load [json/__init__.py:28]"),
        ("set [{/usr/src/Objects/setobject.c} {957, 0}]", "set [setobject.c:957]"),
        ("tiny [{throttle.py}{2}] [THROTTLED]", "tiny [throttle.py:2]"),
        (" a  b\tc\nd ", "a b c d"),
        ("a\x00b\x7f", "a?b?"),
        ("", "?"),
        (" [THROTTLED]", "?"),
        ("__other__", "?"),
        ("__init__", "__init__"),
    ],
)
def test_names_are_made_alike(name, label):
    """Spaces are one, of a path the file is left, TAU's mark is no part of it."""
    assert names.label(names.key(name.encode())) == label


def test_long_names_are_cut_and_stay_different():
    """256 characters at most, with a mark of the whole."""
    labels = {names.label(b"n" * 300 + b"%d" % number) for number in range(5)}
    assert len(labels) == 5
    assert {len(label) for label in labels} == {256}


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_name_may_travel(name):
    """Whatever is in a profile, the wire takes its label."""
    for line in read(name).split(b"\n"):
        assert check_function(names.label(names.key(line)))
    assert check_function(names.label(b"\xff\xfe\xed\xa0\x80"))


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
    assert (names.REPEATED.search(group) is not None) is is_repeated
