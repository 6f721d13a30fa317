"""Finds the identity of this process: from arguments, the environment, or beside its main script.

In the Waggle Edge Stack only the pod uid (``WAGGLE_APP_ID``) and the node's name (``HOST``) are
known here; the collector looks up the rest. Elsewhere arguments come first, then
``WAGGLE_LIVE_PLUGIN``, ``WAGGLE_LIVE_TASK`` and ``WAGGLE_LIVE_JOB``, then the plugin's
``sage.yaml``, then the script's name.

The nearest ``sage.yaml`` counts: beside the main script, else up to two folders above, in the same
repository. If there is none, the same is done for the target of a symbolic link to the script.
"""

import os
import re
import sys
from typing import Iterator, Mapping, NamedTuple, Optional

from ..native import Native
from ..wire.errors import InvalidMetric, InvalidType

_FIELD = r"""^(?:%s|"%s"|'%s')[ \t]*:(?:[ \t]+(.*))?$"""
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SINGLE_QUOTED = re.compile(r"'((?:[^']|'')*)'")
#: Main scripts of notebook kernels, which are not the plugin's own.
_NOTEBOOKS = ("ipykernel_launcher.py", "colab_kernel_launcher.py")
#: How many folders above the main script's a ``sage.yaml`` may lie.
MAX_ABOVE = 2
MAX_LENGTH = 256
#: The collector uses jobs that begin so, for plugins whose labels it doesn't know yet.
RESERVED_JOB = "app_id:"


class ClaimedIdentity(NamedTuple):
    """The identity that a process claims. Empty means unknown; the collector may know more."""

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
    """Return the identity of this process, or of one with another main script.

    Raises InvalidType for arguments that are no str, InvalidMetric for a reserved job.
    """
    for name, value in (("plugin_name", plugin), ("task", task), ("job", job)):
        if value is not None and not isinstance(value, str):
            raise InvalidType("%s must be a str, got %.60r" % (name, value))
    if job is not None and job.strip().startswith(RESERVED_JOB):  # the collector would refuse it
        raise InvalidMetric(
            "job must not begin with %r, which is reserved, got %.60r" % (RESERVED_JOB, job)
        )
    main, name = _find_main(script)
    sage_name, sage_version = _find_sage_yaml(main)
    names = (plugin or "", environ.get("WAGGLE_LIVE_PLUGIN", ""), sage_name, name)
    return ClaimedIdentity(
        app_id=clean(str(app_id or environ.get("WAGGLE_APP_ID", ""))),
        plugin=next(filter(None, map(clean, names)), "python"),
        plugin_version=clean(sage_version),
        task=clean(task or environ.get("WAGGLE_LIVE_TASK", "")),
        job=clean(job or environ.get("WAGGLE_LIVE_JOB", "")),
    )


def _find_main(script: Optional[str]) -> "tuple[str, str]":
    """Return the path of the main script and its name; ``script`` None means this process's own.

    In a notebook or an interpreter without script: a path in the working directory, and "python".
    """
    if script is None:
        argv = getattr(sys, "argv", None)
        script = argv[0] if argv and isinstance(argv[0], str) else ""
    if script in ("", "-", "-c", "-m") or os.path.basename(script) in _NOTEBOOKS:
        return os.path.join(_working_directory(), "python"), "python"
    path = os.path.normpath(os.path.join(_first_directory(), script))
    if os.path.isdir(path):  # a directory that is run contains its main script
        path = os.path.join(path, "__main__.py")
    directory, name = os.path.split(path)
    if name == "__main__.py":  # the name of its package or directory tells more
        return path, os.path.basename(directory) or "python"
    return path, os.path.splitext(name)[0]


def _first_directory() -> str:
    """Return the directory that the program was started in, from which its script's path counts.

    A plugin may change it before it has a name. Its children then start elsewhere, so they are told
    where it began.
    """
    process = sys.modules.get("multiprocessing.process")
    return getattr(process, "ORIGINAL_DIR", None) or _DIRECTORY


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed: nothing is found there
        return os.devnull


def _find_sage_yaml(main: str) -> "tuple[str, str]":
    """Return name and version of the plugin that a main script belongs to; empty if unknown."""
    for path in dict.fromkeys((main, os.path.realpath(main))):
        for directory in _folders(os.path.dirname(path)):
            found = _read_sage_yaml(os.path.join(directory, "sage.yaml"))
            if found is not None:
                return found
    return "", ""


def _folders(directory: str) -> Iterator[str]:
    """Yield a directory and up to ``MAX_ABOVE`` parents that belong to the same repository.

    A repository ends at the folder with ``.git``. If none is found, as in an image, a home and the
    root don't count.
    """
    yield directory
    for _ in range(MAX_ABOVE):
        if os.path.exists(os.path.join(directory, ".git")):
            return
        directory = os.path.dirname(directory)
        if directory in ("/", "/home", os.path.expanduser("~")):
            return
        yield directory


def _read_sage_yaml(path: str) -> "Optional[tuple[str, str]]":
    """Return name and version in a ``sage.yaml``, each empty if missing; None without the file.

    Only two top-level scalars are needed, so no YAML library is. A scalar counts if it stands on
    its key's line, plain or in quotes.
    """
    try:
        text = Native.read_file(path).decode("utf-8-sig", "replace")
    except (OSError, ValueError):
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = [re.search(_FIELD % ((field,) * 3), text, re.M) for field in ("name", "version")]
    name, version = (_scalar(match.group(1) or "") if match else "" for match in found)
    return name, version


def _scalar(text: str) -> str:
    """Return the value of a YAML scalar; empty for null and for what is no scalar."""
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


def clean(text: str) -> str:
    """Cut to the wire's limit. What can't be printed or was no valid UTF-8 becomes "?"."""
    return "".join(char if char.isprintable() else "?" for char in text.strip()[:MAX_LENGTH])


_DIRECTORY = _working_directory()
