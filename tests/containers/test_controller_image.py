"""The controller's image, really built and run with no rights."""

from .podman import HARDENED

CONFIG = """\
nodes:
  - url: http://127.0.0.1:9
deadlines:
  - plugin_task: detect
    timer: inference
    mean_below: 0.05
    knobs: [resolution]
"""


def test_it_takes_its_file(podman, controller_image, tmp_path):
    """From the place that the image names; what it needs is in it."""
    (tmp_path / "controller.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "controller.yaml").chmod(0o644)
    tmp_path.chmod(0o755)
    mount = "--volume=%s:/etc/waggle-live-controller:ro" % tmp_path
    command = ("--config=/etc/waggle-live-controller/controller.yaml", "--check")
    podman("run", "--rm", *HARDENED, "--memory=60m", mount, controller_image, *command)
