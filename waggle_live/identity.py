"""Who this process is: what it is told, else what lies beside its main script.

In the Waggle Edge Stack only the pod uid (``WAGGLE_APP_ID``) is known here; the collector looks
up the rest. Elsewhere arguments come first, then ``WAGGLE_LIVE_PLUGIN``, ``WAGGLE_LIVE_TASK`` and
``WAGGLE_LIVE_JOB``, then ``sage.yaml`` beside the main script, then the script's name.
"""

import os
import re
import sys
from typing import Mapping, NamedTuple, Optional

from .errors import InvalidType

_FIELD = r"^%s[ \t]*:[ \t]*[\"']?([^\"'#\r\n]*?)[\"']?[ \t]*(?:#.*)?$"
MAX_LENGTH = 256


class Identity(NamedTuple):
    """Empty strings stand for what isn't known; the collector fills in what it can."""

    app_id: str
    plugin: str
    version: str
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
) -> Identity:
    """Return the identity of this process, or of one whose main script is another; raises
    InvalidType for arguments that are no str."""
    for name, value in (("plugin_name", plugin), ("task", task), ("job", job)):
        if value is not None and not isinstance(value, str):
            raise InvalidType("%s must be a str, got %.60r" % (name, value))
    if script is None:
        script = sys.argv[0] if getattr(sys, "argv", None) else ""
    if script in ("", "-", "-c", "-m"):
        directory, name = os.getcwd(), "python"
    else:
        directory = os.path.dirname(os.path.abspath(script))
        name = os.path.splitext(os.path.basename(script))[0]
    sage_name, sage_version = _read_sage_yaml(os.path.join(directory, "sage.yaml"))
    return Identity(
        app_id=_shorten(app_id or environ.get("WAGGLE_APP_ID", "")),
        plugin=_shorten(plugin or environ.get("WAGGLE_LIVE_PLUGIN") or sage_name or name),
        version=_shorten(sage_version),
        task=_shorten(task or environ.get("WAGGLE_LIVE_TASK", "")),
        job=_shorten(job or environ.get("WAGGLE_LIVE_JOB", "")),
    )


def _read_sage_yaml(path: str) -> "tuple[str, str]":
    """Return name and version of a ``sage.yaml``, empty where there is none.

    Two top-level scalars are all that is needed, so no YAML library is.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(65536)
    except (OSError, ValueError):
        return "", ""
    found = [re.search(_FIELD % field, text, re.MULTILINE) for field in ("name", "version")]
    name, version = (match.group(1).strip() if match else "" for match in found)
    return name, version


def _shorten(text: str) -> str:
    """Cut to what the wire takes; what the file system had in no valid UTF-8 becomes "?"."""
    return text[:MAX_LENGTH].encode("utf-8", "replace").decode()
