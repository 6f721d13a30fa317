"""Errors for unknown arguments and attributes, which name the right ones."""

import difflib
from typing import Any, Dict, Type, TypeVar

Kind = TypeVar("Kind")

#: How similar, 0 to 1, a name must be to a known one to be suggested.
_ALIKE = 0.7


def unexpected(call: str, arguments: Dict[str, Any], right: str) -> TypeError:
    """Return the error for unknown arguments. ``right``: the call with the known ones."""
    return TypeError("%s takes no %s; it is %s" % (call, " and no ".join(arguments), right))


def names_its_fields(kind: Type[Kind]) -> Type[Kind]:
    """Have a NamedTuple's error for an unknown attribute list the known ones.

    Type checkers see the class unchanged.
    """
    names = [name for name in dir(kind) if not name.startswith("_")]
    fields = getattr(kind, "_fields", ())
    told = ", ".join(
        [*fields, *(each for each in names if each not in {*fields, "count", "index"})]
    )

    def __getattr__(self: Any, name: str) -> Any:
        text = "a %s has no %s" % (kind.__name__, name)
        if name.startswith("_"):  # libraries look for these
            raise AttributeError(text)
        for close in difflib.get_close_matches(name, names, 1, _ALIKE):
            text += "; is it %s?" % close
        raise AttributeError("%s (it has: %s)" % (text, told))

    kind.__getattr__ = __getattr__  # type: ignore[attr-defined]
    return kind
