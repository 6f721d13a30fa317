"""The names of TAU's functions: which rows count, and what a function is called here."""

import re
from binascii import crc32

from ...wire.protocol import MAX_FUNCTION_LENGTH, OTHER_FUNCTIONS

#: Groups of rows that repeat what other rows count already: call paths and samples.
REPEATED = re.compile(rb"(?:\A|\|)\s*TAU_(?:CALLPATH|SAMPLE|UNWIND)")
#: In the names of functions that get no line of their own: call paths, and the machinery of
#: imports, which is part of the interpreter.
UNNAMED = re.compile(rb"=>|<frozen ")

_THROTTLED = b"[THROTTLED]"
#: ``[{path}{line}]`` of Python before 3.12, ``[{path} {line}]`` since, ``[{path} {line, column}]``.
_PLACE = re.compile(r"\[\{([^{}]*)\} ?\{(\d+)[^{}]*\}\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HASH = "...%08x"


def key(name: bytes) -> bytes:
    """Return what a function is known by over a run: TAU adds a mark when it stops looking."""
    name = name.rstrip()
    return name[: -len(_THROTTLED)].rstrip() if name.endswith(_THROTTLED) else name


def label(name: bytes) -> str:
    """Return the value of the label ``function`` for a key: one line, at most 256 characters.

    Of a path the file's name is left (and its directory where many have that name), so that one
    function has one label wherever the program was installed or started.
    """
    text = " ".join(name.decode("utf-8", "replace").split())
    text = _CONTROL.sub("?", _PLACE.sub(lambda m: _place(m.group(1), m.group(2)), text))
    if len(text) > MAX_FUNCTION_LENGTH:
        mark = _HASH % (crc32(name) & 0xFFFFFFFF)
        text = text[: MAX_FUNCTION_LENGTH - len(mark)] + mark
    return text if text and text != OTHER_FUNCTIONS else "?"


def _place(path: str, line: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".", "..")] or ["?"]
    keep = 2 if parts[-1] in ("__init__.py", "__main__.py") else 1
    return "[%s:%s]" % ("/".join(parts[-keep:]), line)
