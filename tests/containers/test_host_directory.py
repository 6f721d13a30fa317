"""The directory of the host that the socket lies in, as the Kubernetes overlay has it."""

import stat

import yaml

from tests.collector.harness import wait_until

from .podman import HARDENED, ROOT

SOCKETS = "/run/waggle/live-metrics"
PATCH = ROOT / "deploy" / "kubernetes" / "overlays" / "socket" / "daemonset.yaml"


def test_the_collector_gets_a_directory_that_plugins_cannot_write(
    podman, collector_image, tmp_path_factory
):
    """The kubelet makes it as root's; with CHOWN alone the init container hands it over.

    Then the socket is there, and a plugin that is root, too, can't remove it from its read-only
    mount.
    """
    directory = tmp_path_factory.mktemp("live-metrics")
    directory.chmod(0o755)
    here = "--volume=%s:%s" % (directory, SOCKETS)
    pod = yaml.safe_load(PATCH.read_text(encoding="utf-8"))["spec"]["template"]["spec"]
    (first,) = pod["initContainers"]
    program, *arguments = first["command"]
    collector = podman.name("owner")
    run = ("run", *HARDENED, "--network=none", here)

    refused = ("--rm", collector_image, "--web.listen-address=127.0.0.1:0")
    podman(*run, *refused, codes=(1,))
    added = ["--cap-add=" + name for name in first["securityContext"]["capabilities"]["add"]]
    user = "--user=%d" % first["securityContext"]["runAsUser"]
    podman(*run, "--rm", user, *added, "--entrypoint=" + program, collector_image, *arguments)
    assert directory.stat().st_uid == 10001

    podman(*run, "--detach", "--name", collector, collector_image)
    path = directory / "live_metrics.sock"
    wait_until(path.exists)
    assert stat.S_ISSOCK(path.stat().st_mode)
    remove = ("--rm", "--user=0", "--entrypoint=rm", collector_image, SOCKETS + "/" + path.name)
    podman("run", "--network=none", here + ":ro", *remove, codes=(1,))
    assert path.exists()
    podman("rm", "--force", "--volumes", collector)
