"""docs/reference/flags.md has each flag of each program, with its default, and no other."""

import argparse
import re

import pytest

from waggle_live_collector import options as collector

from .programs import PROGRAMS
from .tables import code, read, rows

#: Flags that every program has, described once.
OF_ALL = {"--help", "--version"}


def flags(parser):
    """Return the actions of a parser by their flag."""
    found = {
        option: action
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option not in OF_ALL
    }
    assert found
    return found


def section(name):
    """Return the page's part on a program."""
    found = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % name, read("flags.md"), re.M | re.S)
    assert found is not None, name
    return found.group(1)


def test_every_program_has_its_part():
    """And no part is of a program that isn't there; top's part leads to its own page."""
    parts = set(re.findall(r"^## (.+)$", read("flags.md"), re.M))
    assert parts == {*PROGRAMS, "waggle-live top"}
    assert "(top.md)" in section("waggle-live top")


@pytest.mark.parametrize("name", PROGRAMS)
def test_flags_are_those_of_the_program(name):
    """In both directions, each once."""
    described = [each for row in rows(section(name), "flag") for each in code(row["flag"])]
    assert sorted(described) == sorted(flags(PROGRAMS[name]))


@pytest.mark.parametrize("name", PROGRAMS)
def test_defaults_are_those_of_the_program(name):
    """A default that is a value is shown as code; other flags say in words what holds without."""
    actions = flags(PROGRAMS[name])
    for row in rows(section(name), "flag"):
        if len(code(row["flag"])) > 1:  # described above
            assert row["default"].startswith("as of ")
            continue
        (flag,) = code(row["flag"])
        action = actions[flag]
        if action.required:
            assert row["default"] == "required"
        elif action.default in (None, False, argparse.SUPPRESS) or flag == "--limit.processes":
            assert row["default"] and not re.fullmatch(r"`\d+`", row["default"]), flag
        else:
            shown = "%g" % action.default if isinstance(action.default, float) else action.default
            assert row["default"] == "`%s`" % shown, flag


@pytest.mark.parametrize("name", PROGRAMS)
def test_choices_are_named(name):
    """Each value of a flag that takes one of some."""
    for row in rows(section(name), "flag"):
        for flag in code(row["flag"]):
            for choice in flags(PROGRAMS[name])[flag].choices or ():
                assert "`%s`" % choice in row["meaning"], (flag, choice)


def test_values_that_are_shown_are_taken():
    """The collector takes the examples of the page."""
    parse = collector.parse
    assert parse([]).web_listen_address == [collector._address(collector.DEFAULT_LISTEN_ADDRESS)]
    assert collector.DEFAULT_LISTEN_ADDRESS == ":9090"
    for duration in ("300s", "5m", "1h30m", "500ms", "366d"):
        assert "`%s`" % duration in section("waggle-live-collector")
        parse(["--plugin.hold-time=" + duration])
    for memory in ("64M", "60MiB", "4MiB"):
        assert "`%s`" % memory in section("waggle-live-collector")
        parse(["--limit.memory=" + memory])
    with pytest.raises(SystemExit):
        parse(["--limit.memory=3MiB"])
