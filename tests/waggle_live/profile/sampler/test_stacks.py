"""Folded stacks: their text, bounds, and the file."""

import os

import pytest

from waggle_live.profile.sampler.stacks import Stacks, write
from waggle_live.wire.protocol import OTHER_FUNCTIONS


class Named:
    """A function, as far as its stack goes."""

    def __init__(self, label):
        self.label = label


def test_they_are_folded_from_the_root():
    """Times add up; CPU that isn't known is None; a semicolon in a name separates nothing."""
    main, call = Named("main [a;b.py:1]"), Named("call [a.py:2]")
    stacks = Stacks()
    stacks.add((call, main), 5, None)
    assert stacks.folded() == {"main [a:b.py:1];call [a.py:2]": (5, None)}
    stacks.add((call, main), 5, 3)
    stacks.add((main,), 1, 0)
    assert stacks.folded() == {
        "main [a:b.py:1];call [a.py:2]": (10, 3),
        "main [a:b.py:1]": (1, 0),
    }


@pytest.mark.parametrize("bounds", [(3, 1000), (1000, 6)])
def test_what_is_over_the_bounds_is_added_up(bounds):
    """The first stacks keep their places, and no time is lost."""
    stacks = Stacks(*bounds)
    functions = [Named("f%d" % number) for number in range(10)]
    for _ in range(2):
        for function in functions:
            stacks.add((function,), 1, 1)
    folded = stacks.folded()
    assert set(folded) == {"f0", "f1", "f2", OTHER_FUNCTIONS}
    assert folded["f0"] == (2, 2)
    assert folded[OTHER_FUNCTIONS] == (14, 14)


def test_the_file_has_a_stack_and_microseconds_of_cpu_a_line(tmp_path):
    """What used none is left out, and names keep their spaces."""
    path = tmp_path / "stacks"
    folded = {"a [x.py:1];b": (9000000, 2000), "a": (5000, 0), "c": (7, None), "d": (1, 7000)}
    write(str(path), folded)
    assert path.read_text() == "a [x.py:1];b 2\nd 7\n"


def test_without_clocks_it_is_wall_time(tmp_path):
    """Where CPU is known of none."""
    path = tmp_path / "stacks"
    write(str(path), {"a": (9000, None), "b": (5000, None)})
    assert path.read_text() == "a 9\nb 5\n"


def test_a_link_stays_one(tmp_path):
    """The file that it names is replaced."""
    (tmp_path / "real").write_text("old")
    os.symlink(str(tmp_path / "real"), str(tmp_path / "link"))
    write(str(tmp_path / "link"), {"a": (1000, None)})
    assert (tmp_path / "real").read_text() == "a 1\n"
    assert os.path.islink(str(tmp_path / "link"))


def test_what_is_no_file_is_left_alone(tmp_path):
    """A device, a pipe or a directory is not replaced, nor waited for."""
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    for path in (pipe, "/dev/null", str(tmp_path)):
        with pytest.raises(OSError, match="no regular file"):
            write(path, {"a": (1000, None)})
    assert os.listdir(str(tmp_path)) == ["pipe"]


def test_what_fails_leaves_the_old_file(tmp_path):
    """Half a file is never seen."""
    path = tmp_path / "stacks"
    path.write_text("old")
    with pytest.raises(TypeError):
        write(str(path), {"a": (1000, None), "b": None})
    assert path.read_text() == "old"
    assert os.listdir(str(tmp_path)) == ["stacks"]
