"""The labels that all series of a process carry.

In the Waggle Edge Stack they are in the stack's own records, which are looked up by the process's
``app_id`` (``app_meta.py``). Until they are known, a process has a provisional identity that no
other has. Then the table moves everything under it. Elsewhere the identity is what the ``hello``
says.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from waggle_live.wire.errors import ProtocolError

from ..messages import Hello
from .peer import Peer

#: Shown if a client names no plugin.
UNKNOWN_PLUGIN = "unknown"
#: The prefix of ``plugin_job`` of provisional identities, and of no others.
PROVISIONAL = "app_id:"
#: The prefix of ``plugin_job`` of unproven processes with the labels of a proven plugin.
UNPROVEN = "unproven:"
#: Separates session and pod of a proven process. No session's id contains it.
MARK = "@"
#: A claimed job may not begin with these.
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
        """Return the labels that keep unproven processes apart from proven ones."""
        job = self.plugin_job
        return self if job.startswith(UNPROVEN) else self._replace(plugin_job=UNPROVEN + job)


class ProcessInfo(Struct, array_like=True):
    """What is shown of a process beside its labels: what it said, and what was proven.

    If the labels are the stack's (``resolved``), so are ``version``, ``host`` and ``zone``.
    """

    app_id: str = ""
    version: str = ""
    host: str = ""
    zone: str = ""
    verified: bool = False
    client: str = ""
    pid: int = 0
    #: Whether the labels are from the stack's records.
    resolved: bool = False


def id_of(session: str, info: ProcessInfo) -> str:
    """Return the id of a process of that session.

    Its key proves no pod: a process that has the key without that proof is another process.
    """
    return f"{session}{MARK}{info.app_id}" if info.verified else session


class Naming(NamedTuple):
    """The labels of a process, and what is shown in ``waggle_plugin_info``."""

    identity: IdentityLabels
    info: ProcessInfo
    #: The app_id whose labels are not known yet; "" if the identity is final.
    pending: str = ""


#: Finds the identity of a process without blocking. Raises ProtocolError (``identity``, ...).
Identify = Callable[[Hello, Peer], Naming]


def split_image(image: str) -> tuple[str, str]:
    """Return an image's name and its tag or digest, as in ``waggle/foo:1.2``."""
    name, _, digest = image.partition("@")
    slash = name.rfind("/")
    colon = name.rfind(":")
    if colon > slash:
        return name[:colon], name[colon + 1 :]
    return name, digest


def from_hello(hello: Hello, peer: Peer) -> Naming:
    """Return the naming that the ``hello`` claims. Raises ProtocolError for a reserved job.

    Without the stack there is no other source.
    """
    plugin, tag = split_image(hello.plugin or "")
    plugin = plugin or UNKNOWN_PLUGIN
    if (hello.job or "").startswith(RESERVED):
        raise ProtocolError("bad_message", f"job must not begin with {' or '.join(RESERVED)}")
    identity = IdentityLabels(plugin, hello.task or plugin, hello.job or "")
    info = ProcessInfo(
        app_id=hello.app_id or "",
        version=hello.plugin_version or tag,
        host=hello.host or "",
        client=hello.client or "",
        pid=hello.pid or 0,
    )
    return Naming(identity, info)
