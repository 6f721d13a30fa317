"""A Prometheus that keeps what a collector shows, and what it says of itself."""

import json
import re
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Dict

from . import processes


class Server:
    """A running Prometheus."""

    def __init__(self, program: processes.Program) -> None:
        self.program = program
        self.data = Path(program.directory) / "data"
        self._url = "http://127.0.0.1:%d" % program.ports["http"]

    def read(self, path: str, body: Any = None) -> str:
        """Return an answer; with a body the request is a POST."""
        with urllib.request.urlopen(self._url + path, body, timeout=60) as answer:
            text: str = answer.read().decode()
            return text

    def own(self, family: str) -> float:
        """Return the sum over the series of one of its own families."""
        return total(self.read("/metrics"), family)

    def query(self, expression: str) -> float:
        """Return the value of a PromQL expression that gives one; NaN if it gives none."""
        answer = self.read("/api/v1/query?" + urllib.parse.urlencode({"query": expression}))
        found = json.loads(answer)["data"]["result"]
        return float(found[0]["value"][1]) if found else float("nan")

    def wait(self, expression: str, least: float, seconds: float = 300.0) -> None:
        """Wait until a PromQL expression gives that at least; TimeoutError if it never does."""
        deadline = time.monotonic() + seconds
        while not self.query(expression) >= least:
            if time.monotonic() > deadline:
                raise TimeoutError("%s stays below %g" % (expression, least))
            time.sleep(0.5)

    def block(self) -> Dict[str, float]:
        """Return the bytes of what it has as a block on a disk: chunks and index."""
        self.read("/api/v1/admin/tsdb/snapshot", b"")
        (meta,) = (self.data / "snapshots").glob("*/*/meta.json")
        return {
            "chunk_bytes": size(meta.parent / "chunks"),
            "index_bytes": (meta.parent / "index").stat().st_size,
        }


def total(text: str, family: str) -> float:
    """Return the sum over all samples of a name in Prometheus text."""
    pattern = r"^%s(?:\{.*\})? (\S+)$" % re.escape(family)
    return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
