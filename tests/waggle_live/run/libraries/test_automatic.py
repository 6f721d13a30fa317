"""What is measured without an edit: methods in place of others, bounded labels, no harm."""

import os

import pytest

from waggle_live.run.libraries import automatic

from ...helpers import cell, cells


def library():
    """Return a module with a class, as a library that a plugin imports."""
    module = type(os)("library")

    class Device:
        def read(self):
            """Read."""
            return "read"

    module.Device = Device
    return module


def counted(original):
    """Wrap a method so that it tells itself."""
    return lambda self: "our " + original(self)


def test_methods_are_replaced_in_place():
    """The class stays the same object, and the method keeps its name and docstring."""
    module = library()
    device, owner = module.Device(), module.Device
    automatic.replace(module, "Device", ["read", "write"], counted)
    assert device.read() == "our read"
    assert (owner, owner.read.__doc__) == (module.Device, "Read.")


def test_a_version_without_it(caplog):
    """Where nothing of it is there the library is as ever, with one line of log."""
    module = library()
    for _ in range(2):
        automatic.replace(module, "Gone", ["read"], counted)
        automatic.replace(module, "Device", ["gone"], counted)
    assert [record.message for record in caplog.records] == [
        "live metrics: library.Gone is not measured: unknown in this version",
        "live metrics: library.Device is not measured: unknown in this version",
    ]


def test_a_class_that_can_not_be_changed(caplog):
    """A class in C stays as it is, with one line of log."""
    module = type(os)("compiled")
    module.Device = int
    automatic.replace(module, "Device", ["bit_length"], counted)
    assert (3).bit_length() == 2
    assert "compiled.Device is not measured: TypeError" in caplog.text


def test_values_of_a_label():
    """They are valid Unicode of at most 256 bytes, of which the last tell most."""
    assert automatic.value_of("a", "left") == "left"
    assert automatic.value_of("a", "caf\udce9") == "caf?"
    assert automatic.value_of("a", "x" * 300 + "end") == "x" * 253 + "end"
    assert automatic.value_of("a", "\U0001f600" * 300) == "\U0001f600" * 64
    assert automatic.value_of("a", "\u20ac" * 300) == "\u20ac" * 85


def test_more_values_than_have_a_series(caplog):
    """After the first twenty all are one, which is said once; those that are known stay."""
    values = [automatic.value_of("b", str(number)) for number in range(30)]
    assert values == [str(number) for number in range(20)] + ["other"] * 10
    assert automatic.value_of("b", "7") == "7"
    assert len(caplog.records) == 1


def test_the_series_are_those_of_the_latest_plugin(connect):
    """They follow the plugin that has a session, whoever had one before."""
    for name in ("first", "second"):
        live = connect(plugin_name=name)
        for count in (1, 2):
            automatic.tick("events", device="a")
            with automatic.timer("wait", device="a"):
                pass
            assert cell(live, "rate", "events", device="a")["count"] == count
            assert cell(live, "timer", "wait", device="a")["count"] == count


def test_an_author_who_uses_the_name(connect):
    """Where the author's own series has that name nothing is recorded, and nothing raised."""
    live = connect()
    live.gauge("wait").set(1)
    with automatic.timer("wait", device="a") as timer:
        timer.start().stop()
    with live.rate("events", device="a"):
        pass
    automatic.tick("events", device="a")
    assert cell(live, "rate", "events", device="a")["count"] == 1


@pytest.mark.parametrize("kind", ["timer", "rate", "gauge", "counter"])
def test_an_author_who_uses_the_name_later(connect, kind):
    """The author's series has the name from then on: ours is sent no more, and records nothing."""
    live = connect()
    for _ in range(2):
        automatic.tick("events", device="a")
        with automatic.timer("events.wait", device="a"):
            pass
    assert len(cells(live)) == 2
    for name in ("events", "events.wait"):
        getattr(live, kind)(name)
    automatic.tick("events", device="a")
    with automatic.timer("events.wait", device="a"):
        pass
    assert set(cells(live)) == {(kind, "events", ()), (kind, "events.wait", ())}


def test_an_author_who_uses_the_very_series(connect):
    """What ours has counted stays, for a counter never falls; from then on the author's counts."""
    live = connect()
    for _ in range(3):
        with automatic.timer("get"):
            pass
    with live.timer("get"), automatic.timer("get"):
        pass
    assert cell(live, "timer", "get")["count"] == 4
