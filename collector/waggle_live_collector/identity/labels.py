"""Who a process is: the labels that all of its series carry.

In the Waggle Edge Stack they stand in the stack's own records, which are looked up by the
process's ``app_id`` (``app_meta.py``). Until they are known a process has a provisional
identity, unlike any other's; then the table moves all that stands under it. Elsewhere the
identity is what the ``hello`` says.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from waggle_live.wire.errors import ProtocolError

from ..messages import Hello
from .peer import Peer

#: Shown when a client names no plugin.
UNKNOWN_PLUGIN = "unknown"
#: Begins the ``plugin_job`` of provisional identities, and of no others.
PROVISIONAL = "app_id:"
#: Begins the ``plugin_job`` of those unproven whose labels are those of a proven plugin.
UNPROVEN = "unproven:"
#: Stands between the session and the pod of a proven process; a session's id never holds it.
MARK = "@"
#: No job that anybody claims begins with these.
RESERVED = (PROVISIONAL, UNPROVEN)


class IdentityLabels(NamedTuple):
    """The identity labels, in the order of their names on the wire."""

    plugin: str
    plugin_task: str
    plugin_job: str

    def pairs(self) -> list[tuple[str, str]]:
        """Return the labels with their names."""
        return list(zip(self._fields, self, strict=True))

    def apart(self) -> "IdentityLabels":
        """Return the labels that keep the unproven apart from the proven."""
        job = self.plugin_job
        return self if job.startswith(UNPROVEN) else self._replace(plugin_job=UNPROVEN + job)


class ProcessInfo(Struct, array_like=True):
    """What is shown of a process beside its labels: what it said, and what was proven.

    Where the labels are the stack's (``resolved``), ``version``, ``host`` and ``zone`` are, too.
    """

    app_id: str = ""
    version: str = ""
    host: str = ""
    zone: str = ""
    verified: bool = False
    client: str = ""
    pid: int = 0
    #: The labels are those of the stack's records.
    resolved: bool = False


def id_of(session: str, info: ProcessInfo) -> str:
    """Return what a process of that session is known by.

    Its key proves no pod: whoever shows it without that proof is another process.
    """
    return f"{session}{MARK}{info.app_id}" if info.verified else session


class Naming(NamedTuple):
    """The labels of a process, and what is shown in ``waggle_plugin_info``."""

    identity: IdentityLabels
    info: ProcessInfo
    #: The app_id whose labels are not known yet; "" when the identity is for good.
    pending: str = ""


#: Finds the identity of a process, without blocking; raises ProtocolError (``identity``, ...).
Identify = Callable[[Hello, Peer], Naming]


def split_image(image: str) -> tuple[str, str]:
    """Return an image's name and its tag (or digest): ``waggle/foo:1.2`` is two things."""
    name, _, digest = image.partition("@")
    slash = name.rfind("/")
    colon = name.rfind(":")
    if colon > slash:
        return name[:colon], name[colon + 1 :]
    return name, digest


def from_hello(hello: Hello, peer: Peer) -> Naming:
    """Believe the ``hello``: without the stack there is nobody else to ask."""
    plugin, tag = split_image(hello.plugin or "")
    plugin = plugin or UNKNOWN_PLUGIN
    if (hello.job or "").startswith(RESERVED):
        raise ProtocolError("bad_message", f"no job begins with {' or '.join(RESERVED)}")
    identity = IdentityLabels(plugin, hello.task or plugin, hello.job or "")
    info = ProcessInfo(
        app_id=hello.app_id or "",
        version=hello.plugin_version or tag,
        host=hello.host or "",
        client=hello.client or "",
        pid=hello.pid or 0,
    )
    return Naming(identity, info)
