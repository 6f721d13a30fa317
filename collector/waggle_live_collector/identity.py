"""Who a session is: the labels that all of its series carry.

Today the identity is what the ``hello`` says. Proof by the kernel's credentials and the
stack's own records take their place here: an ``Identify`` that answers later would put a
session under a provisional identity first, and the table would move it when it is known.
"""

from typing import NamedTuple, Protocol

from msgspec import Struct

from .messages import Hello

#: Shown when a client names no plugin.
UNKNOWN_PLUGIN = "unknown"


class Identity(NamedTuple):
    """The identity labels, in the order of their names on the wire."""

    plugin: str
    plugin_task: str
    plugin_job: str

    def pairs(self) -> list[tuple[str, str]]:
        """Return the labels with their names."""
        return list(zip(self._fields, self, strict=True))


class Claim(Struct, array_like=True):
    """What a session said about itself, kept to be shown and written to the state file."""

    app_id: str = ""
    version: str = ""
    host: str = ""
    zone: str = ""
    verified: bool = False
    client: str = ""
    pid: int = 0


class Identify(Protocol):
    """Finds the identity of a new session; must not block."""

    def __call__(self, hello: Hello) -> tuple[Identity, Claim]:
        """Return the labels of the session and what is shown in ``waggle_plugin_info``."""


def split_image(image: str) -> tuple[str, str]:
    """Return an image's name and its tag (or digest): ``waggle/foo:1.2`` is two things."""
    name, _, digest = image.partition("@")
    slash = name.rfind("/")
    colon = name.rfind(":")
    if colon > slash:
        return name[:colon], name[colon + 1 :]
    return name, digest


def from_hello(hello: Hello) -> tuple[Identity, Claim]:
    """Believe the ``hello``: without the stack there is nobody else to ask."""
    plugin, tag = split_image(hello.plugin or "")
    plugin = plugin or UNKNOWN_PLUGIN
    identity = Identity(plugin, hello.task or plugin, hello.job or "")
    claim = Claim(
        app_id=hello.app_id or "",
        version=hello.plugin_version or tag,
        client=hello.client or "",
        pid=hello.pid or 0,
    )
    return identity, claim
