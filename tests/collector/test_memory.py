"""How much memory the collector may take."""

import logging

import pytest

from waggle_live_collector import memory

MIB = 1 << 20


@pytest.fixture
def system(tmp_path):
    """Return what writes files of /proc and /sys/fs/cgroup, and tells where they are."""

    def write(cgroup, **limits):
        (tmp_path / "self").mkdir(exist_ok=True)
        (tmp_path / "self" / "cgroup").write_text(cgroup)
        for path, limit in limits.items():
            file = tmp_path / "fs" / path.replace("__", "/").replace("_in_", ".limit_in_")
            file = file.with_name(file.name.replace("memory_max", "memory.max"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(limit)
        return {"proc": str(tmp_path), "cgroups": str(tmp_path / "fs")}

    return write


def test_a_cgroup_of_version_2_and_those_above_it(system):
    """The lowest limit of all counts; "max" is none."""
    where = system(
        "0::/a/b\n", a__b__memory_max="max\n", a__memory_max="33554432\n", memory_max="max\n"
    )
    assert memory.of_cgroup(**where) == 32 * MIB
    assert memory.limit(None, **where) == 32 * MIB


def test_a_cgroup_of_version_1_whose_path_is_that_of_the_host(system):
    """In a container its own cgroup is mounted as the root."""
    where = system("4:cpu,memory:/docker/0123\n0::/\n", memory__memory_in_bytes="50331648\n")
    assert memory.of_cgroup(**where) == 48 * MIB


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::/\n", "4:memory:/x\n"])
def test_without_a_limit_it_is_the_default(system, text):
    """Also where /proc says nothing that is understood."""
    assert memory.limit(None, **system(text)) == memory.DEFAULT_MEMORY
    assert memory.of_cgroup(proc="/nowhere") is None


def test_what_was_asked_for_counts_even_over_the_cgroup(system, caplog):
    """That is the operator's to decide; it is said."""
    where = system("0::/\n", memory_max="33554432\n")
    assert memory.limit(64 * MIB, **where) == 64 * MIB
    assert "the cgroup allows 33554432" in caplog.text


def test_strangers_get_what_the_collector_leaves(caplog):
    """Never less than what serves a few; it is said where that is over the limit."""
    assert memory.for_strangers(60 * MIB, 30 * MIB) == 30 * MIB - memory.HEADROOM
    with caplog.at_level(logging.WARNING):
        assert memory.for_strangers(20 * MIB, 30 * MIB) == memory.LEAST
    assert "--limit.memory" in caplog.text


def test_what_this_process_takes():
    """The resident size, in bytes."""
    before = memory.taken()
    held = bytearray(b"x") * (32 * MIB)
    assert 24 * MIB < memory.taken() - before < 64 * MIB
    del held
