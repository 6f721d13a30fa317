"""Errors of a call or an attribute that isn't there: they name those that are."""

import difflib
from typing import Any, Dict, Type, TypeVar

Kind = TypeVar("Kind")

#: How alike a name has to be to one that is there, 0 to 1, to be taken for a slip.
_ALIKE = 0.7


def unexpected(call: str, arguments: Dict[str, Any], right: str) -> TypeError:
    """Return the error of arguments that a call doesn't take; ``right``: what it does take."""
    return TypeError("%s takes no %s; it is %s" % (call, " and no ".join(arguments), right))


def names_its_fields(kind: Type[Kind]) -> Type[Kind]:
    """Have a NamedTuple's error of an unknown attribute list those that there are.

    Type checkers see the class as it is.
    """
    names = [name for name in dir(kind) if not name.startswith("_")]
    fields = getattr(kind, "_fields", ())
    told = ", ".join(
        [*fields, *(each for each in names if each not in {*fields, "count", "index"})]
    )

    def __getattr__(self: Any, name: str) -> Any:
        text = "a %s has no %s" % (kind.__name__, name)
        if name.startswith("_"):  # asked by libraries
            raise AttributeError(text)
        for close in difflib.get_close_matches(name, names, 1, _ALIKE):
            text += "; is it %s?" % close
        raise AttributeError("%s (it has: %s)" % (text, told))

    kind.__getattr__ = __getattr__  # type: ignore[attr-defined]
    return kind
