"""What a function is called, whoever measured it."""

import pytest

from waggle_live.profile import names
from waggle_live.wire.protocol import check_function

pytestmark = pytest.mark.oldest_and_newest


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("inference", "inference"),
        ("infer [{/app/app.py}{4}]", "infer [app.py:4]"),
        ("infer [{../app.py} {4}]", "infer [app.py:4]"),
        ("load [{/usr/lib/python3/json/__init__.py}{28}]", "load [json/__init__.py:28]"),
        ("set [{/usr/src/Objects/setobject.c} {957, 0}]", "set [setobject.c:957]"),
        (" a  b\tc\nd ", "a b c d"),
        ("a\x00b\x7f", "a?b?"),
        ("", "?"),
        ("__other__", "?"),
        ("__idle__", "?"),
        ("__init__", "__init__"),
    ],
)
def test_names_are_made_alike(name, label):
    """Spaces are one, of a path the file is left, reserved names are nobody's."""
    assert names.label(name.encode()) == label


def test_long_names_are_cut_and_stay_different():
    """256 characters at most, with a mark of the whole."""
    labels = {names.label(b"n" * 300 + b"%d" % number) for number in range(5)}
    assert len(labels) == 5
    assert {len(label) for label in labels} == {256}


def test_what_is_no_text_is_named_all_the_same():
    """The wire takes the label."""
    assert check_function(names.label(b"\xff\xfe\xed\xa0\x80"))
