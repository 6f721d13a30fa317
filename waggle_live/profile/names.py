"""The names of functions: what a function is called on the wire, whoever measured it."""

import re
from binascii import crc32

from ..wire.protocol import IDLE_FUNCTIONS, MAX_FUNCTION_LENGTH, OTHER_FUNCTIONS

#: In the names of functions that get no series of their own: the machinery of imports, which is
#: part of the interpreter.
UNNAMED = re.compile(rb"<frozen ")

#: ``[{path}{line}]`` of Python before 3.12, ``[{path} {line}]`` since, ``[{path} {line, column}]``.
_PLACE = re.compile(r"\[\{([^{}]*)\} ?\{(\d+)[^{}]*\}\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HASH = "...%08x"
_RESERVED = ("", OTHER_FUNCTIONS, IDLE_FUNCTIONS)


def label(name: bytes) -> str:
    """Return the value of the label ``function``: one line, at most 256 characters.

    ``name`` is ``function [{path}{line}]``. Of a path the file's name is left (and its directory
    where many have that name), so that one function has one label wherever the program was
    installed or started.
    """
    text = " ".join(name.decode("utf-8", "replace").split())
    text = _CONTROL.sub("?", _PLACE.sub(lambda m: _place(m.group(1), m.group(2)), text))
    if len(text) > MAX_FUNCTION_LENGTH:
        mark = _HASH % (crc32(name) & 0xFFFFFFFF)
        text = text[: MAX_FUNCTION_LENGTH - len(mark)] + mark
    return "?" if text in _RESERVED else text


def _place(path: str, line: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".", "..")] or ["?"]
    keep = 2 if parts[-1] in ("__init__.py", "__main__.py") else 1
    return "[%s:%s]" % ("/".join(parts[-keep:]), line)
