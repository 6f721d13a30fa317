"""The names of functions on the wire, whatever measured them."""

import re
from binascii import crc32

from ..wire.protocol import IDLE_FUNCTIONS, MAX_FUNCTION_LENGTH, OTHER_FUNCTIONS

#: Part of the names of functions that get no series of their own: the import system, which belongs
#: to the interpreter.
UNNAMED = re.compile(rb"<frozen ")

#: ``[{path}{line}]`` of Python before 3.12, ``[{path} {line}]`` since, ``[{path} {line, column}]``.
_PLACE = re.compile(r"\[\{([^{}]*)\} ?\{(\d+)[^{}]*\}\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HASH = "...%08x"
_RESERVED = ("", OTHER_FUNCTIONS, IDLE_FUNCTIONS)


def label(name: bytes) -> str:
    """Return the value of the label ``function``: one line of at most 256 characters.

    ``name`` is ``function [{path}{line}]``. Of a path only the file's name stays, with its
    directory if many files have that name. So a function has one label wherever the program is
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
