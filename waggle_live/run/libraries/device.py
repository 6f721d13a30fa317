"""The label of a camera: the device that it was opened with, without secrets."""

import os
import re
from typing import Any

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)\Z", re.DOTALL)
#: The host, port, path and query after a user and password. Those may be badly quoted, so the first
#: "@" counts after which all of this is well formed.
_ADDRESS = re.compile(
    r"(?:.*?@)??"
    r"((?:\[[^\]/@]*\]|[^/:?#@]*)(?::[0-9]+)?)"
    r"(?:(/[^?#@]*)(?:\?([^#]*))?(?:#.*)?|\?([^@#]*)(?:#[^@]*)?|#[^@]*)?\Z",
    re.DOTALL,
)
#: ``name=value`` in a query or path: some recorders take ``user=a_password=b_channel=1``.
_PARAMETER = re.compile(r"([A-Za-z][A-Za-z0-9-]*)=(.*?)(?=_[A-Za-z][A-Za-z0-9-]*=|[/;&]|\Z)", re.S)
#: The parameters that tell the cameras of one recorder apart. Any other may be a password.
_TELLING = re.compile(
    r"(ch|chn|chan|channel|channelid|cam|camera|cameraid|id|input|source|stream|streamid|streamtype"
    r"|subtype|profile|view|feed|video|resolution)=[A-Za-z0-9.-]{1,16}\Z",
    re.IGNORECASE,
)
_MAX_LENGTH = 1000


def label_of(device: Any) -> str:
    """Return a name, number, path or URL without its secrets.

    From a URL the user, the password and all parameters are removed, except those that tell cameras
    apart.
    """
    if not isinstance(device, (str, int, os.PathLike)):
        return type(device).__name__
    text = str(device)[:_MAX_LENGTH]
    url = _URL.match(text)
    if url is None or url.group(1).lower() == "file":
        return text
    address = _ADDRESS.match(url.group(2))
    if address is None:
        return url.group(1) + "://"
    host, path, *queries = address.groups()
    kept = [part.group() for part in _PARAMETER.finditer(queries[0] or queries[1] or "")]
    query = "&".join(filter(_TELLING.match, kept))
    path = _PARAMETER.sub(_telling, path or "")
    return "%s://%s%s%s" % (url.group(1), host, path, query and "?" + query)


def _telling(parameter: Any) -> str:
    text = str(parameter.group())
    return text if _TELLING.match(text) else ""
