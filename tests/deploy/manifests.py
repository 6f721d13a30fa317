"""The manifests of deploy/waggle: rendered, as kubectl would apply them, and validated."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.programs import program

ROOT = Path(__file__).resolve().parents[2]
WAGGLE = ROOT / "deploy" / "waggle"
PLUGIN_POD = WAGGLE / "plugin-pod.yaml"
#: An old Kubernetes and a new one.
VERSIONS = "1.25", "1.37"


def render(folder):
    """Return what ``kubectl kustomize`` makes of a folder of deploy/waggle, as bytes of YAML."""
    command = [program("kubectl", "kubernetes-client"), "kustomize", str(WAGGLE / folder)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def objects(text):
    """Return the objects of a YAML text by kind and name."""
    return {(o["kind"], o["metadata"]["name"]): o for o in yaml.safe_load_all(text)}


def complaints(*paths):
    """Return what kubernetes-validate finds wrong in files, a misspelt field above all."""
    found, whole = [], sum(len(objects(path.read_bytes())) for path in paths)
    for version in VERSIONS:
        command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict"]
        command += ["--kubernetes-version", version, *map(str, paths)]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode or done.stdout.count("passed") != whole:
            found.append(done.stdout)
    return found
