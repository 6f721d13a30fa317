"""The programs that stand beside ours, and the Debian packages that have them."""

import os
import shutil
import subprocess
import sys
from typing import Dict

PACKAGES = {
    "collectd": "collectd-core",
    "netdata": "netdata-core",
    "prometheus": "prometheus",
    "prometheus-pushgateway": "prometheus-pushgateway",
    "victoria-metrics": "victoria-metrics",
}


def missing() -> Dict[str, str]:
    """Return the programs that are not installed, each with its package."""
    return {program: PACKAGES[program] for program in PACKAGES if shutil.which(program) is None}


def install() -> None:
    """Install what is missing if we are root and this is Debian; never fails.

    What is still missing afterwards is named on the page.
    """
    packages = sorted(missing().values())
    if not packages or os.geteuid() or shutil.which("apt-get") is None:
        return
    print("Installing %s" % " ".join(packages), file=sys.stderr)
    # An old list of packages is as good as a new one if all of them are still to be had.
    if not _apt_get("install", *packages):
        _apt_get("update")
        # One by one: a package that Debian's release lacks costs no other.
        for package in packages:
            _apt_get("install", package)


def _apt_get(action: str, *packages: str) -> bool:
    command = ["apt-get", action, "--quiet", "--yes"]
    if action == "install":
        command.append("--no-install-recommends")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    done: "subprocess.CompletedProcess[bytes]" = subprocess.run(
        [*command, *packages], env=environment, stdout=sys.stderr, check=False
    )
    return done.returncode == 0
