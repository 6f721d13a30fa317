"""Which paths prove a pod, and which don't."""

import pytest

from waggle_live_collector.identity.cgroup import (
    container_of_path,
    container_of_process,
    pod_of_path,
    pod_of_process,
)

UID = "2f0c8a4e-6f2d-4c7e-9d5f-0f6f3b1a7c11"
OTHER = "99999999-6f2d-4c7e-9d5f-0f6f3b1a7c99"
UNDER = UID.replace("-", "_")
ID = "0123456789abcdef" * 4
OTHER_ID = "fedcba9876543210" * 4
SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDER}.slice"

PODS = {
    "docker, cgroupfs": f"/kubepods/burstable/pod{UID}/{ID}",
    "docker, systemd": f"{SLICE}/docker-{ID}.scope",
    "containerd, cgroupfs": f"/kubepods/besteffort/pod{UID}/{ID}",
    "containerd, systemd": f"{SLICE}/cri-containerd-{ID}.scope",
    "containerd, both drivers": f"/kubepods-burstable-pod{UNDER}.slice:cri-containerd:{ID}",
    "containerd, both, in its service": "/system.slice/containerd.service/"
    f"kubepods-besteffort-pod{UNDER}.slice:cri-containerd:{ID}",
    "cri-o, systemd": f"{SLICE}/crio-{ID}.scope",
    "cri-o, systemd, nested": f"{SLICE}/crio-{ID}.scope/container",
    "cri-o, cgroupfs": f"/kubepods/burstable/pod{UID}/crio-{ID}",
    "k3s, cgroupfs": f"/kubepods/burstable/pod{UID}/{ID}",
    "k3s, in its service": f"/system.slice/k3s.service/kubepods/burstable/pod{UID}/{ID}",
    "k3s, in a container": f"/k3s/kubepods/besteffort/pod{UID}/{ID}",
    "guaranteed, cgroupfs": f"/kubepods/pod{UID}/{ID}",
    "guaranteed, systemd": f"/kubepods.slice/kubepods-pod{UNDER}.slice/cri-containerd-{ID}.scope",
    "a cgroup root of its own": "/kubelet.slice/kubelet-kubepods.slice/"
    f"kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{UNDER}.slice/x.scope",
    "another pod of our class, in a cgroup namespace": f"/../../kubepods-burstable-pod{UNDER}.slice"
    f"/cri-containerd-{ID}.scope",
    "of another class, in a cgroup namespace": "/../../../kubepods-besteffort.slice/"
    f"kubepods-besteffort-pod{UNDER}.slice/cri-containerd-{ID}.scope",
    "cgroupfs, in a cgroup namespace": f"/../../pod{UID}/{ID}",
    "the pod itself": f"/kubepods/burstable/pod{UID}",
    "what a pod makes for itself": f"/kubepods/pod{UID}/{ID}/kubepods/pod{OTHER}/x",
}

NO_PODS = {
    "the root": "/",
    "nothing": "",
    "a service": "/system.slice/ssh.service",
    "a user's own": f"/user.slice/user-1000.slice/user@1000.service/kubepods/pod{UID}/{ID}",
    "a user's own, as a slice": f"/user.slice/kubepods.slice/kubepods-pod{UNDER}.slice/x.scope",
    "docker": f"/docker/{ID}",
    "what a container of docker makes for itself": f"/docker/{ID}/kubepods/burstable/pod{UID}/x",
    "what one of podman makes": f"/machine.slice/libpod-{ID}.scope/kubepods/pod{UID}/x",
    "seen from a namespace": f"/../../docker/{ID}/kubepods/burstable/pod{UID}/x",
    "no kubepods at the top": f"/pod{UID}/{ID}",
    "no kubepods at the top, a class": f"/burstable/pod{UID}/{ID}",
    "a longer uid": f"/kubepods/burstable/pod{UID}0/{ID}",
    "a shorter uid": f"/kubepods/burstable/pod{UID[:-1]}/{ID}",
    "capitals": f"/kubepods/burstable/pod{UID.upper()}/{ID}",
    "a name that only begins so": f"/kubepods/burstable/pod{UID}-mine/{ID}",
    "kubepods with something before": f"/mine/kubepods/burstable/pod{UID}/{ID}",
    "kubepods with something after": f"/kubepods/mine/pod{UID}/{ID}",
}


@pytest.mark.parametrize("path", PODS.values(), ids=PODS.keys())
def test_paths_of_pods(path):
    """Every runtime and driver, and a pod's own cgroups, lead to the kubelet's pod."""
    assert pod_of_path(path) == UID


@pytest.mark.parametrize("path", NO_PODS.values(), ids=NO_PODS.keys())
def test_paths_that_prove_nothing(path):
    """Whoever may make cgroups somewhere can't make itself a pod by their names."""
    assert pod_of_path(path) == ""


def test_the_static_pods_of_the_kubelet():
    """Their uid is a hash without dashes."""
    uid = UID.replace("-", "")
    assert pod_of_path(f"/kubepods/burstable/pod{uid}/{ID}") == uid


POD = PODS["docker, cgroupfs"]
TEXTS = {
    "version 2": (f"0::{POD}\n", UID),
    "version 1": (f"12:pids:{POD}\n4:memory:{POD}\n1:name=systemd:{POD}\n0::/\n", UID),
    "version 1, some at the root": (f"3:cpu,cpuacct:{POD}\n2:devices:/\n", UID),
    "removed meanwhile": (f"0::{POD} (deleted)\n", UID),
    "two pods": (f"3:cpu:{POD}\n2:devices:{POD.replace(UID, OTHER)}\n", ""),
    "no pod": ("3:cpu:/\n0::/user.slice\n", ""),
    "empty": ("", ""),
    "nonsense": ("::\nx\n1:2\n", ""),
    "a line separator of Unicode": (f"0::/mine\u20280::{POD}\n", ""),
}


@pytest.mark.parametrize(("text", "pod"), TEXTS.values(), ids=TEXTS.keys())
def test_files_of_processes(text, pod):
    """One hierarchy or many; those that disagree prove nothing."""
    assert pod_of_process(text) == pod


PROVEN = {name: path for name, path in PODS.items() if ID in path} | {
    "docker": f"/docker/{ID}",
    "docker, systemd": f"/system.slice/docker-{ID}.scope",
    "docker, nested": f"/docker/{ID}/docker/{OTHER_ID}",
    "docker, its own": f"/docker/{ID}/system.slice/docker-{OTHER_ID}.scope",
    "docker, seen from a namespace": f"/../{ID}",
    "docker, systemd, seen from a namespace": f"/../docker-{ID}.scope",
    "podman": f"/machine.slice/libpod-{ID}.scope",
    "podman, nested": f"/machine.slice/libpod-{ID}.scope/container",
    "podman, cgroupfs": f"/libpod_parent/libpod-{ID}",
    "containerd": f"/default/{ID}",
    "containerd, both drivers": f"/system.slice:cri-containerd:{ID}",
    "cri-o": f"/system.slice/crio-{ID}.scope",
    "removed meanwhile": f"/docker/{ID} (deleted)",
}
USER = "/user.slice/user-1000.slice/user@1000.service"
UNPROVEN = {
    "podman, without root": f"{USER}/user.slice/libpod-{ID}.scope/container",
    "podman, without root, version 1": f"/user.slice/libpod-{ID}.scope",
    "a user's own": f"{USER}/app.slice/docker-{ID}.scope",
    "below a service": f"/system.slice/mine.service/{ID}/{OTHER_ID}",
}
NONE = {
    "the root": "/",
    "nothing": "",
    "a service": "/system.slice/ssh.service",
    "podman's monitor": f"/machine.slice/libpod-conmon-{ID}.scope",
    "cri-o's monitor": f"/system.slice/crio-conmon-{ID}.scope",
    "a shorter id": f"/docker/{ID[:-1]}",
    "a longer id": f"/docker/{ID}0",
    "capitals": f"/docker/{ID.upper()}",
    "the pod itself": f"/kubepods/burstable/pod{UID}",
    "what a pod makes beside its containers": f"/kubepods/pod{UID}/mine/docker-{ID}.scope",
}


@pytest.mark.parametrize("path", PROVEN.values(), ids=PROVEN.keys())
def test_paths_of_containers(path):
    """The outermost one, by every runtime and driver; of a pod, the one right below it."""
    assert container_of_path(path) == (ID, True)


@pytest.mark.parametrize("path", UNPROVEN.values(), ids=UNPROVEN.keys())
def test_paths_that_others_may_make(path):
    """Whoever may make cgroups there may give them any name."""
    assert container_of_path(path) == (ID, False)


@pytest.mark.parametrize("path", NONE.values(), ids=NONE.keys())
def test_paths_of_no_container(path):
    """What has no id of a container is none, nor are the runtimes' monitors."""
    assert container_of_path(path) == ("", False)


def test_containers_of_processes():
    """Hierarchies that disagree name none; those at the root say nothing."""
    docker = PROVEN["docker"]
    assert container_of_process(f"4:cpu:{docker}\n1:name=systemd:{docker}\n0::/\n") == (ID, True)
    assert container_of_process(f"4:cpu:{docker}\n0::/docker/{OTHER_ID}\n") == ("", False)
    assert container_of_process("") == ("", False)
