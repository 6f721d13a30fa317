"""Finds the pod and container of a process by the paths in its ``/proc/<pid>/cgroup``.

The kubelet makes a cgroup for each pod, and the runtime those of its containers in it. A container
makes its own further down. So only a pod at the place where the kubelet puts one is proven. Nothing
may come before it but the kubelet's own names. What follows it doesn't matter. The forms:

- cgroupfs driver (docker, containerd, k3s): ``/kubepods/burstable/pod<uid>/<container>``
- systemd driver: ``/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/``
  and then ``docker-…``, ``cri-containerd-…`` or ``crio-….scope``; the uid's dashes are ``_``
- containerd with the cgroupfs driver under a kubelet with the systemd one:
  ``/system.slice/containerd.service/kubepods-burstable-pod<uid>.slice:cri-containerd:<container>``
- read in a cgroup namespace of our own: what lies above its root is ``/..``, one or more

Outside of pods the outermost container counts, for the same reason. Its name proves nothing if
others than runtimes make cgroups there, as in a user's slice.
"""

import re

_UID = "[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}"
_POD = re.compile(
    rf"""
    (?P<above>(?:/\.\.)*)
    (?:/kubelet(?:\.slice)? | /k3s | /system\.slice/(?:containerd|kubelet|k3s|k3s-agent)\.service)?
    (?:/(?:kubelet-)?kubepods(?:\.slice)?)?
    (?:/(?:(?:kubelet-)?kubepods-)?(?:besteffort|burstable)(?:\.slice)?)?
    /(?:(?:kubelet-)?kubepods-(?:besteffort-|burstable-)?)?pod(?P<uid>{_UID})
    (?:\.slice)?(?:[/:]|\Z)
    """,
    re.VERBOSE,
)
_ID = re.compile("[0-9a-f]{64}")
#: A container's cgroup, with or without its runtime's name. A monitor's cgroup is none.
_CONTAINER = re.compile(
    r"(?:[a-z-]*(?<!conmon)-|[a-z-]+:)?(?P<id>[0-9a-f]{64})(?:\.scope)?(?= \(deleted\)\Z|/|\Z)"
)
#: The cgroups that runtimes make in their own or the system's cgroup.
_RUNTIMES = re.compile(
    r"(?:/\.\.)*(?:/docker|/libpod_parent|/(?:system|machine)\.slice|/default|/k8s\.io)?[/:]"
)


def pod_of_path(path: str) -> str:
    """Return the uid of the pod that a cgroup's path is in, "" for none."""
    found = _POD.match(path)
    # At the host's top only "kubepods" is the kubelet's. In a namespace it may be above the top.
    if found is None or not (found["above"] or "kubepods" in found[0]):
        return ""
    return found["uid"].replace("_", "-")


def pod_of_process(text: str) -> str:
    """Return the uid of the pod from the text of ``/proc/<pid>/cgroup``; "" for none.

    Version 1 has a line for each hierarchy, version 2 one line; both may be present. Lines that
    name different pods prove none.
    """
    pods = {pod for path in _paths(text) if (pod := pod_of_path(path))}
    return pods.pop() if len(pods) == 1 else ""


def container_of_path(path: str) -> tuple[str, bool]:
    """Return the id of the container that a cgroup's path is in, and whether it is proven.

    "" for none.
    """
    pod = _POD.match(path) if pod_of_path(path) else None
    begin = pod or _RUNTIMES.match(path)
    found = begin and _CONTAINER.match(path, begin.end())
    if pod is not None or found:
        return (found["id"], True) if found else ("", False)
    for slash in re.finditer("[/:]", path):
        if found := _CONTAINER.match(path, slash.end()):
            return found["id"], False
    return "", False


def container_of_process(text: str) -> tuple[str, bool]:
    """Return the same from the text of ``/proc/<pid>/cgroup``. Lines that differ name none."""
    if not _ID.search(text):
        return "", False
    found = {container for path in _paths(text) if (container := container_of_path(path))[0]}
    return found.pop() if len(found) == 1 else ("", False)


def _paths(text: str) -> list[str]:
    return [line.split(":", 2)[2] for line in text.split("\n") if line.count(":") >= 2]
