"""The JSON of a process of a plugin: which process of the node it is, and how sure that is."""

from typing import Any

from ..table.plugin import ENDED, SILENT, SILENT_SECONDS, UP, Member


def told(process: Member, now: float) -> dict[str, Any]:
    """Return the object of a process at the monotonic time ``now``."""
    peer, info = process.peer, process.info
    state = UP if process.connected and now - process.last_seen <= SILENT_SECONDS else SILENT
    # Another process may have its pid by now.
    has_ended = process.handle is None or process.handle.has_ended()
    if not process.connected and process.handle is not None and has_ended:
        state = ENDED
    return {
        # The kernel tells no pid of another pid namespace. The process reports its pid there.
        "pid": peer.pid or info.pid or None,
        "pid_verified": peer.pid > 0 and not has_ended,
        "started_ticks": peer.started,
        "host": info.host or None,
        "host_verified": bool(info.host) and info.verified and info.resolved,
        "container": peer.container or None,
        "container_verified": peer.container_proven,
        "state": state,
        "start": round(process.started, 3),
    }
