"""The packages as they were at some commits of the history, to be run beside those of today.

then = generation("first", tmp_path)
collector = CollectorProcess(process=then.process)
subprocess.run([sys.executable, "-P", "-c", PLUGIN], env=then.environment)
"""

import os
import tarfile
from io import BytesIO
from pathlib import Path

from tests.repository import ROOT, archive

TODAY = "today"
#: The commits, oldest first. All speak version 1 of the wire.
COMMITS = {
    # The first that has client, collector and controller. State file of format 1.
    "first": "e6f93d9a63464ae4f121a1c2e727570ebdf3fe14",
    # Processes tell how they end. Timers count in coarse bins; state file of format 1.
    "coarse": "e0049c25a3f0ad3ce2894f2ed4f10bb3e10bd494",
    # The last without knobs. State file of format 2.
    "without-knobs": "d4794f16e1bf75ef03d20a0633d78f74eb3cf232",
}
ALL = (*COMMITS, TODAY)
#: Where the packages stand, below the root of the repository. The first had no folder controller.
PACKAGES = ("waggle_live", "collector/waggle_live_collector", "controller/waggle_live_controller")


class Generation:
    """The three packages of one commit, in a directory."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = directory
        folders = [directory, directory / "collector", directory / "controller"]
        #: Of processes that import these packages. Python needs ``-P`` as well.
        self.environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, folders)))
        #: Arguments of Popen that start the collector.
        self.process = {"env": self.environment, "cwd": directory}


def generation(name, directory):
    """Return a generation by its name; an older one is unpacked below ``directory``.

    Without the history of the repository the test is skipped, or fails in CI.
    """
    if name == TODAY:
        return Generation(name, ROOT)
    directory = Path(directory) / name
    packages = [each for each in PACKAGES if name != "first" or "controller/" not in each]
    with tarfile.open(fileobj=BytesIO(archive(COMMITS[name], *packages))) as packed:
        packed.extractall(directory, filter="data")
    return Generation(name, directory)
