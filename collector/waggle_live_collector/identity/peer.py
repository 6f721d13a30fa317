"""Who is at the other end of a connection, as the kernel knows it."""

import contextlib
import errno
import os
import select
import socket
import struct
from collections.abc import Hashable
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from . import cgroup

_UCRED = struct.Struct("3i")
#: Linux 6.5 and newer, on all architectures that plugins run on; Python has no name for it.
_SO_PEERPIDFD = 77
#: What the kernel says of a process that has ended, by its version and who asks.
_ENDED = (errno.ESRCH, errno.EINVAL, errno.ENODATA)

#: Bytes of a file of /proc that are read at a time; most have less.
_READ = 4096

#: What became of the attempt to prove the pod of a peer.
PROVEN = "proven"
#: Nobody asked for it.
UNASKED = "unasked"
#: It came over TCP, which has no credentials.
TCP = "tcp"
#: The kernel says 0: the peer is in another pid namespace than this process.
NO_PID = "no_pid"
#: The process has ended before it could be looked at, or may not be looked at.
GONE = "gone"
#: It is a process outside of all pods.
NO_POD = "no_pod"


class Handle:
    """The kernel's handle on a process, which no other process gets after its end.

    ``pidfd``: None for a process that ended before there was one.
    """

    def __init__(self, pidfd: int | None) -> None:
        self._pidfd = pidfd

    def has_ended(self) -> bool:
        """Tell whether the process has ended, as a zombie too."""
        if self._pidfd is None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Let the process go; again: does nothing."""
        pidfd, self._pidfd = self._pidfd, None
        if pidfd is not None:
            os.close(pidfd)

    __del__ = close  # of a connection that came to nothing


class Peer(NamedTuple):
    """Credentials at the time of the connect; ``pid`` is 0 from another pid namespace.

    ``pod`` is the uid of the pod that the process runs in; empty unless ``proof`` is
    :data:`PROVEN`.
    """

    pid: int = 0
    uid: int = -1
    gid: int = -1
    pod: str = ""
    proof: str = UNASKED
    tcp: bool = False
    #: None where the kernel can't tell which process it is.
    handle: Handle | None = None
    #: Who pays for it: ``pod:<uid>`` where that is proven, else ``uid:<n>`` or ``address:<ip>``.
    principal: str = "uid:-1"
    #: Tells the processes of a principal apart: pid and start time where the kernel tells them,
    #: else something that no other connection has.
    process: Hashable = None
    #: Its start in clock ticks since the boot; None where the kernel doesn't tell.
    started: int | None = None
    #: The id of its container, "" for none, and whether that stands where runtimes put it.
    container: str = ""
    container_proven: bool = False


def of(sock: socket.socket, *, prove: bool = False, proc: str = "/proc") -> Peer:
    """Return the peer of a connected socket, with its pod if ``prove``; never raises OSError.

    Call it right after the accept: the pid is that of the process that connected, and once that
    has ended the number may become another's. Where the kernel can tell (Linux 6.5), a process
    that has ended meanwhile proves nothing, so that no number is taken for another's; on older
    ones what remains is the time between the connect and this call.
    """
    if sock.family != socket.AF_UNIX:
        proof, principal = TCP if prove else UNASKED, principal_of(sock)
        return Peer(proof=proof, tcp=True, principal=principal, process=object())
    data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(data)
    made = Peer(pid, uid, gid, proof=GONE if prove else UNASKED, principal=f"uid:{uid}")
    try:
        handle = _handle(sock, pid)
    except OSError as error:
        # Whatever else it is, as a lack of descriptors, doesn't tell that the process has ended.
        handle = Handle(None) if error.errno in _ENDED else None
        return made._replace(handle=handle, process=object())
    if handle is None:
        return made._replace(proof=NO_PID if prove else UNASKED, process=object())
    cgroups, started = _read(f"{proc}/{pid}/cgroup"), _started(pid, proc)
    # Asked only after the reading: whoever lives now lived then, and had this number.
    if handle.has_ended():
        cgroups = started = None
    process = object() if started is None else (pid, started)
    made = made._replace(handle=handle, process=process, started=started)
    return made if cgroups is None else _placed(made, cgroups, prove)


def _placed(peer: Peer, cgroups: str, prove: bool) -> Peer:
    """Return a peer with the container, and if asked the pod, that its cgroups tell."""
    container, proven = cgroup.container_of_process(cgroups)
    peer = peer._replace(container=container, container_proven=proven)
    if not prove:
        return peer
    pod = cgroup.pod_of_process(cgroups)
    if not pod:
        return peer._replace(proof=NO_POD)
    return peer._replace(pod=pod, proof=PROVEN, principal=f"pod:{pod}")


def principal_of(sock: socket.socket) -> str:
    """Return ``address:<ip>`` of the peer of a TCP connection; never raises OSError.

    An IPv4 address is the same one over a socket of both families.
    """
    text = "unknown"  # the peer is gone already
    with contextlib.suppress(OSError, ValueError):
        text = sock.getpeername()[0]
        ip = ip_address(text)
        text = str(ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip)
    return f"address:{text}"


def _started(pid: int, proc: str) -> int | None:
    """Return when a process started, in ticks since the boot; None if it can't be read."""
    try:
        # The name, in brackets, may hold spaces and brackets.
        return int((_read(f"{proc}/{pid}/stat") or "").rpartition(")")[2].split()[19])
    except (IndexError, ValueError):
        return None


def _read(path: str) -> str | None:
    """Return a short file of the kernel's; None if it can't be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = iter(partial(os.read, descriptor, _READ), b"")
        return b"".join(parts).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _handle(sock: socket.socket, pid: int) -> Handle | None:
    """Return the handle of the process; None from another pid namespace.

    Raises OSError if the process has ended.
    """
    if pid <= 0:
        return None
    try:
        return Handle(sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD))
    except OSError as error:
        if error.errno != errno.ENOPROTOOPT:
            raise
        return Handle(os.pidfd_open(pid))  # before Linux 6.5 the number itself is all there is
