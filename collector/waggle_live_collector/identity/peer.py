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
#: From Linux 6.5 on, on all architectures that plugins run on. Python has no name for it.
_SO_PEERPIDFD = 77
#: The kernel's errors for a process that has ended; they depend on its version and the caller.
_ENDED = (errno.ESRCH, errno.EINVAL, errno.ENODATA)

#: Bytes of a file of /proc that are read at a time; most have fewer.
_READ = 4096

#: The result of the attempt to prove the pod of a peer.
PROVEN = "proven"
#: Nobody asked for it.
UNASKED = "unasked"
#: It came over TCP, which has no credentials.
TCP = "tcp"
#: The kernel says 0: the peer is in another pid namespace than this process.
NO_PID = "no_pid"
#: The process ended before it could be read, or may not be read.
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
        """Tell whether the process has ended; a zombie has."""
        if self._pidfd is None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the handle; may be called twice."""
        pidfd, self._pidfd = self._pidfd, None
        if pidfd is not None:
            os.close(pidfd)

    __del__ = close  # for a connection that was given up


class Peer(NamedTuple):
    """Credentials at the time of the connect. ``pid`` is 0 from another pid namespace.

    ``pod``: the uid of the process's pod; empty unless ``proof`` is :data:`PROVEN`.
    """

    pid: int = 0
    uid: int = -1
    gid: int = -1
    pod: str = ""
    proof: str = UNASKED
    tcp: bool = False
    #: None if the kernel can't tell which process it is.
    handle: Handle | None = None
    #: Whose budget pays: ``pod:<uid>`` if that is proven, else ``uid:<n>`` or ``address:<ip>``.
    principal: str = "uid:-1"
    #: Tells the processes of a principal apart: pid and start time if the kernel tells them, else a
    #: value that no other connection has.
    process: Hashable = None
    #: Its start in clock ticks since the boot; None if the kernel doesn't tell it.
    started: int | None = None
    #: The id of its container, "" for none, and whether its path is where runtimes put it.
    container: str = ""
    container_proven: bool = False


def of(sock: socket.socket, *, prove: bool = False, proc: str = "/proc") -> Peer:
    """Return the peer of a connected socket, with its pod if ``prove``. Never raises OSError.

    Call it right after the accept: the pid is that of the process that connected, and is used again
    after its end. From Linux 6.5 on the kernel tells whether the process has ended meanwhile; then
    it proves nothing. On older kernels the time between the connect and this call remains a gap.
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
        # Other errors, such as a lack of descriptors, don't mean that the process has ended.
        handle = Handle(None) if error.errno in _ENDED else None
        return made._replace(handle=handle, process=object())
    if handle is None:
        return made._replace(proof=NO_PID if prove else UNASKED, process=object())
    cgroups, started = _read(f"{proc}/{pid}/cgroup"), _started(pid, proc)
    # Asked after the reading: a process that lives now had this number then.
    if handle.has_ended():
        cgroups = started = None
    process = object() if started is None else (pid, started)
    made = made._replace(handle=handle, process=process, started=started)
    return made if cgroups is None else _placed(made, cgroups, prove)


def _placed(peer: Peer, cgroups: str, prove: bool) -> Peer:
    """Return a peer with its container and, if asked for, its pod, from its cgroups."""
    container, proven = cgroup.container_of_process(cgroups)
    peer = peer._replace(container=container, container_proven=proven)
    if not prove:
        return peer
    pod = cgroup.pod_of_process(cgroups)
    if not pod:
        return peer._replace(proof=NO_POD)
    return peer._replace(pod=pod, proof=PROVEN, principal=f"pod:{pod}")


def principal_of(sock: socket.socket) -> str:
    """Return ``address:<ip>`` of the peer of a TCP connection. Never raises OSError.

    An IPv4 address is the same over a socket of both families.
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
        # The name, in brackets, may contain spaces and brackets.
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
        return Handle(os.pidfd_open(pid))  # before Linux 6.5 only the number is known
