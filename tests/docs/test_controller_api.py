"""docs/reference/controller-api.md has every public name of waggle_live_controller, as it is."""

import inspect
import re
from collections.abc import Mapping

import pytest

import waggle_live_controller as controller

from .tables import code, read, rows

PAGE = read("controller-api.md")
CLASSES = {
    name: value
    for name, value in vars(controller).items()
    if name in controller.__all__ and inspect.isclass(value)
}
ERRORS = {name for name, value in CLASSES.items() if issubclass(value, Exception)}
#: What is a field because its constructor keeps it.
KEPT = {
    "Node": {"url"},
    "Fleet": {"nodes"},
    "Ladder": {"settings", "costs"},
    "DeadlinePolicy": {"setting"},
}


def sections():
    """Return the heading and the text of each class's part, by the name of the class."""
    parts = re.split(r"^## `(.+)`\n", PAGE, flags=re.MULTILINE)[1:]
    return {
        heading.partition("(")[0]: (heading, text) for heading, text in zip(parts[::2], parts[1::2])
    }


SECTIONS = sections()


def shown(function, first=1):
    """Return the parameters as the page shows them, ones that only raise left out."""
    parameters = list(inspect.signature(function).parameters.values())[first:]
    found, star = [], False
    for each in parameters:
        if each.kind == each.VAR_KEYWORD and each.name == "unknown":
            continue
        if each.kind == each.KEYWORD_ONLY and not star:
            found.append("*")
            star = True
        found.append(str(each.replace(annotation=each.empty)))
    return "(%s)" % ", ".join(found)


def test_every_public_name_is_described():
    """A class by its part, an error by its row."""
    assert set(SECTIONS) == set(CLASSES) - ERRORS
    assert {code(row["error"])[0] for row in rows(PAGE, "error")} == ERRORS
    assert [name for name in controller.__all__ if not re.search(r"`%s\b" % name, PAGE)] == []


def test_errors_have_the_bases_of_the_page():
    """And what else they are."""
    for row in rows(PAGE, "error"):
        bases = [each.__name__ for each in CLASSES[code(row["error"])[0]].__bases__]
        assert bases == code(row["also a"]), row


@pytest.mark.parametrize("name", SECTIONS)
def test_constructors_are_as_shown(name):
    """Of what a program makes; readings are made by the package."""
    heading, _ = SECTIONS[name]
    if "(" in heading:
        assert heading == name + shown(CLASSES[name].__init__)
    else:
        assert issubclass(CLASSES[name], (tuple, Mapping))


@pytest.mark.parametrize("name", SECTIONS)
def test_fields_and_calls_are_those_of_the_class(name):
    """In both directions."""
    of_class, (_, text) = CLASSES[name], SECTIONS[name]
    public = {each for each in dir(of_class) if not each.startswith("_")}
    if issubclass(of_class, tuple):
        public -= set(dir(tuple)) - set(getattr(of_class, "_fields", ()))
    if issubclass(of_class, Mapping):
        public -= set(dir(Mapping))
    calls = {
        each
        for each in public - set(getattr(of_class, "_fields", ()))
        if callable(getattr(of_class, each))
    }
    described = {
        call.partition("(")[0]: call for row in rows(text, "call") for call in code(row["call"])
    }
    assert set(described) == calls
    for call in calls:
        is_bound = isinstance(inspect.getattr_static(of_class, call), (staticmethod, classmethod))
        assert described[call] == call + shown(getattr(of_class, call), first=int(not is_bound))
    fields = {field for row in rows(text, "field") for field in code(row["field"])}
    assert fields == public - calls | KEPT.get(name, set())


def test_errors_that_are_raised_are_there():
    """Of calls and constructors: ours, or Python's ValueError."""
    for row in rows(PAGE, "call"):
        assert set(code(row["raises"])) <= ERRORS | {"ValueError"}, row
