"""Write locks/: each package that goes into an image or builds it, with its version and hashes.

    make lock

Asks the package index for the newest releases that setup.cfg and pyproject.toml allow. A lock is
for every Python from 3.11 on and for every architecture. The Dockerfiles install from it by
``--require-hashes``, and the SBOMs of a release list it.
"""

import configparser
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "locks"
OLDEST_PYTHON = "3.11"


def options_of(folder):
    """Return the setup.cfg of a distribution."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / folder / "setup.cfg", encoding="utf-8")
    return parser


def lines(value):
    """Return the requirements of one option."""
    return value.split("\n")[1:]


def wanted():
    """Return what each lock is of: its name, and requirements.

    Of waggle-live the collector imports the wire alone. So the image has it without its dependency
    pywaggle: docs/adr/0030-image-without-pywaggle.md.
    """
    build = configparser.ConfigParser()
    build.read(ROOT / "pyproject.toml", encoding="utf-8")
    collector = lines(options_of("collector")["options"]["install_requires"])
    return {
        "build": [each.strip('" ') for each in build["build-system"]["requires"][1:-1].split(",")],
        "collector": [each for each in collector if not each.startswith("waggle-live")],
        "controller": lines(options_of("controller")["options.extras_require"]["service"]),
    }


def lock(name, requirements):
    """Write one lock."""
    command = [Path(sys.executable).with_name("uv"), "pip", "compile", "-", "--quiet", "--upgrade"]
    command += ["--universal", "--python-version=" + OLDEST_PYTHON, "--generate-hashes"]
    command += ["--no-emit-index-url", "--no-annotate", "--custom-compile-command=make lock"]
    command += ["--output-file=%s" % (LOCKS / (name + ".txt"))]
    subprocess.run(command, input="\n".join(requirements), text=True, check=True)


if __name__ == "__main__":
    for one in wanted().items():
        lock(*one)
