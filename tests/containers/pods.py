"""Runs a pod's specification with podman, as the kubelet would: nothing of it is left out.

Mounts, uids, namespaces, environment, rights and memory are what the manifest says. A field that
isn't known here fails the test, so that no manifest grows past what is tried.
"""

import os
import re
from pathlib import Path

#: What has no meaning on one machine without a cluster, or is asked by the test itself (probes).
NOT_RUN = {
    "containers": {"imagePullPolicy", "ports", "readinessProbe", "livenessProbe", "name"},
    "pod": {
        *("priorityClassName", "automountServiceAccountToken", "terminationGracePeriodSeconds"),
        *("serviceAccountName", "restartPolicy", "containers", "initContainers", "volumes"),
    },
}
#: Of resources the requests are the scheduler's; podman's default profile is RuntimeDefault.
RIGHTS = {
    *("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "seccompProfile", "capabilities"),
    *("allowPrivilegeEscalation", "readOnlyRootFilesystem"),
}
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
#: Holds the namespaces of a pod, as the kubelet's pause container does.
PAUSE = "import signal; signal.pause()"


class Pod:
    """One pod. ``host`` is a directory that stands for the root of the node's file system.

    ``images`` are podman's names of those in the manifest, ``hosts`` the names that the cluster's
    DNS knows, ``maps`` the ConfigMaps and Secrets, ``node`` the name of the node.
    """

    def __init__(self, podman, spec, *, uid, host, images, hosts, maps, node="node-1"):
        self._podman = podman
        self.spec = dict(spec)
        self._uid = uid
        self._host = Path(host)
        self._images = images
        self._maps = maps
        self.containers = {}
        for name in set(spec) - NOT_RUN["pod"]:
            assert name in {"hostPID", "shareProcessNamespace", "securityContext"}, name
        self.pause = podman.name("pause-" + uid)
        names = ["--add-host=%s:%s" % each for each in hosts.items()]
        image = next(iter(images.values()))
        podman(
            *("run", "--detach", "--name", self.pause, *self._cgroup(), *names),
            *("--entrypoint=python3", image, "-c", PAUSE),
        )
        look = "{{.NetworkSettings.IPAddress}} {{.State.Pid}}"
        self.address, self.pid = podman("inspect", "--format=" + look, self.pause).split()
        self._fields = {
            "metadata.uid": uid,
            "spec.nodeName": node,
            "status.podIP": self.address,
        }

    def start(self, without=()):
        """Run the init containers, then start the containers."""
        self._volumes = {each["name"]: self._volume(each) for each in self.spec["volumes"]}
        for each in self.spec.get("initContainers", []):
            if each["name"] not in without:
                self._podman("run", "--rm", *self._arguments(each))
        for each in self.spec["containers"]:
            self.containers[each["name"]] = self._podman.name(each["name"] + "-" + self._uid)
            self._run(each)
        return self

    def restart(self, name):
        """Kill a container and start another in its place, as after a crash."""
        self._podman("rm", "--force", "--time=0", self.containers[name])
        (spec,) = [each for each in self.spec["containers"] if each["name"] == name]
        self._run(spec)

    def stop(self):
        """Ask its containers to end, as the kubelet does, and remove it."""
        grace = self.spec.get("terminationGracePeriodSeconds", 30)
        for name in self.containers.values():
            self._podman("stop", "--time=%d" % grace, name)
        self.remove()

    def environment(self, container):
        """Return the variables of a container of the specification."""
        found = {}
        for source in container.get("envFrom", []):
            assert set(source) == {"configMapRef"}
            found.update(self._maps[source["configMapRef"]["name"]])
        for each in container.get("env", []):
            if "value" in each:
                found[each["name"]] = each["value"]
            else:
                assert set(each["valueFrom"]) == {"fieldRef"}
                found[each["name"]] = self._fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        return found

    def words(self, container, key):
        """Return the words of ``command`` or ``args``, each ``$(NAME)`` replaced."""
        known = self.environment(container)
        return [
            re.sub(r"\$\((\w+)\)", lambda match: known[match[1]], word)
            for word in container.get(key, [])
        ]

    def remove(self):
        """Remove all of it."""
        for name in (*self.containers.values(), self.pause):  # which has the others' namespaces
            self._podman("rm", "--force", "--time=0", name, codes=None)

    def _run(self, container):
        name = self.containers[container["name"]]
        self._podman("run", "--detach", "--name", name, *self._arguments(container))

    def _cgroup(self):
        """Where the kubelet's cgroupfs driver has a pod: the collector reads its uid there."""
        return ["--cgroup-parent=/kubepods/burstable/pod" + self._uid]

    def _arguments(self, container):
        """Return podman's arguments for a container; what isn't known fails."""
        known = {"image", "command", "args", "env", "envFrom", "volumeMounts"}
        known |= {"resources", "securityContext"} | NOT_RUN["containers"]
        assert set(container) <= known, set(container) - known
        found = [*self._cgroup(), "--network=container:" + self.pause]
        if self.spec.get("hostPID"):
            found.append("--pid=host")
        elif self.spec.get("shareProcessNamespace"):
            found.append("--pid=container:" + self.pause)
        found += self._rights(container.get("securityContext", {}))
        for name, value in container.get("resources", {}).get("limits", {}).items():
            assert name == "memory"
            found.append("--memory=%d" % (int(value[:-2]) * UNITS[value[-2:]]))
        found += ["--env=%s=%s" % each for each in self.environment(container).items()]
        for mount in container.get("volumeMounts", []):
            source = self._volumes[mount["name"]] / mount.get("subPath", "")
            end = ":ro" if mount.get("readOnly") else ""
            found.append("--volume=%s:%s%s" % (source, mount["mountPath"], end))
        command = self.words(container, "command")
        if command:
            found.append("--entrypoint=" + command[0])
        image = self._images[container["image"]]
        return [*found, image, *command[1:], *self.words(container, "args")]

    def _rights(self, own):
        """Return who a container runs as, and what it may do."""
        rights = {**self.spec.get("securityContext", {}), **own}
        assert set(rights) <= RIGHTS, set(rights) - RIGHTS
        found = []
        if "runAsUser" in rights:
            found.append("--user=%d:%d" % (rights["runAsUser"], rights.get("runAsGroup", 0)))
        if "fsGroup" in rights:
            found.append("--group-add=%d" % rights["fsGroup"])
        if rights.get("readOnlyRootFilesystem"):
            found += ["--read-only", "--read-only-tmpfs=false"]
        if rights.get("allowPrivilegeEscalation") is False:
            found.append("--security-opt=no-new-privileges")
        capabilities = rights.get("capabilities", {})
        found += ["--cap-drop=" + name for name in capabilities.get("drop", [])]
        return found + ["--cap-add=" + name for name in capabilities.get("add", [])]

    def _volume(self, volume):
        """Return the directory that stands for a volume."""
        kinds = dict(volume)
        name = kinds.pop("name")
        ((kind, what),) = kinds.items()
        own = self._host / "var" / self._uid / name
        if kind == "hostPath":
            assert what["type"] == "DirectoryOrCreate"
            path = self._host / what["path"].lstrip("/")
            if not path.exists():
                path.mkdir(parents=True)
                path.chmod(0o755)
            return path
        assert kind in {"configMap", "secret"}
        own.mkdir(parents=True)
        for file, text in self._maps[what.get("name") or what["secretName"]].items():
            (own / file).write_text(text, encoding="utf-8")
            if kind == "secret":
                (own / file).chmod(what["defaultMode"])
                os.chown(own / file, -1, self.spec["securityContext"]["fsGroup"])
        return own
