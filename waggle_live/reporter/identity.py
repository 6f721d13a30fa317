"""Who this process is: what it is told, else what lies beside its main script.

In the Waggle Edge Stack only the pod uid (``WAGGLE_APP_ID``) and the node's name (``HOST``) are
known here; the collector looks up the rest. Elsewhere arguments come first, then
``WAGGLE_LIVE_PLUGIN``, ``WAGGLE_LIVE_TASK`` and ``WAGGLE_LIVE_JOB``, then ``sage.yaml`` beside the
main script, then the script's name.
"""

import os
import re
import sys
from typing import Mapping, NamedTuple, Optional

from ..native import Native
from ..wire.errors import InvalidType

_FIELD = r"""^(?:%s|"%s"|'%s')[ \t]*:(?:[ \t]+(.*))?$"""
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE_QUOTED = re.compile(r"'((?:[^']|'')*)'")
#: Main scripts of what runs notebooks: none of the plugin's own.
_NOTEBOOKS = ("ipykernel_launcher.py", "colab_kernel_launcher.py")
MAX_LENGTH = 256


class ClaimedIdentity(NamedTuple):
    """Empty strings stand for what isn't known; the collector fills in what it can."""

    app_id: str
    plugin: str
    plugin_version: str
    task: str
    job: str


def find_identity(
    plugin: Optional[str],
    task: Optional[str],
    job: Optional[str],
    app_id: Optional[str],
    environ: Mapping[str, str],
    *,
    script: Optional[str] = None,
) -> ClaimedIdentity:
    """Return the identity of this process, or of one whose main script is another; raises
    InvalidType for arguments that are no str."""
    for name, value in (("plugin_name", plugin), ("task", task), ("job", job)):
        if value is not None and not isinstance(value, str):
            raise InvalidType("%s must be a str, got %.60r" % (name, value))
    directory, name = _find_main(script)
    sage_name, sage_version = _read_sage_yaml(os.path.join(directory, "sage.yaml"))
    return ClaimedIdentity(
        app_id=shorten(app_id or environ.get("WAGGLE_APP_ID", "")),
        plugin=shorten(plugin or environ.get("WAGGLE_LIVE_PLUGIN") or sage_name or name),
        plugin_version=shorten(sage_version),
        task=shorten(task or environ.get("WAGGLE_LIVE_TASK", "")),
        job=shorten(job or environ.get("WAGGLE_LIVE_JOB", "")),
    )


def _find_main(script: Optional[str]) -> "tuple[str, str]":
    """Return where the main script lies and what it is called; in a notebook or an interpreter
    that has none, the working directory and "python". None stands for this process's own."""
    if script is None:
        script = sys.argv[0] if getattr(sys, "argv", None) else ""
    if script in ("", "-", "-c", "-m") or os.path.basename(script) in _NOTEBOOKS:
        return os.getcwd(), "python"
    path = os.path.abspath(script)
    if os.path.isdir(path):  # a directory that is run has its main script within
        path = os.path.join(path, "__main__.py")
    directory, name = os.path.split(path)
    if name == "__main__.py":  # of a package or a directory, whose name tells more
        name = os.path.basename(directory)
        return directory, name or "python"
    return directory, os.path.splitext(name)[0]


def _read_sage_yaml(path: str) -> "tuple[str, str]":
    """Return name and version of a ``sage.yaml``, empty where there is none.

    Two top-level scalars are all that is needed, so no YAML library is. One that does not stand
    on its key's line, plain or in quotes, is taken as not there.
    """
    try:
        text = Native.read_file(path).decode("utf-8-sig").replace("\r\n", "\n")
    except (OSError, ValueError):
        return "", ""
    found = [re.search(_FIELD % ((field,) * 3), text, re.M) for field in ("name", "version")]
    name, version = (_scalar(match.group(1) or "") if match else "" for match in found)
    return name, version


def _scalar(text: str) -> str:
    """Return the value that a YAML scalar stands for, empty for null and for what is none."""
    text = text.strip()
    double, single = _DOUBLE_QUOTED.match(text), _SINGLE_QUOTED.match(text)
    if double:
        return re.sub(r"\\(.)", r"\1", double.group(1)).strip()
    if single:
        return single.group(1).replace("''", "'").strip()
    text = re.sub(r"(?:^|[ \t]+)#.*", "", text)
    if text in ("~", "null", "Null", "NULL") or text[:1] in tuple("\"'|>&*!{[%@`"):
        return ""
    return text


def shorten(text: str) -> str:
    """Cut to what the wire takes; what the file system had in no valid UTF-8 becomes "?"."""
    return text[:MAX_LENGTH].encode("utf-8", "replace").decode()
