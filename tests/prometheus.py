"""Real servers of PromQL for tests, on the loopback interface: Prometheus, VictoriaMetrics."""

import json
import subprocess
import urllib.parse
import urllib.request

from tests.collector.harness import Scrape, wait_until
from tests.programs import free_port, program


class PromQL:
    """A server on the loopback interface that answers PromQL; a context manager of its process."""

    package = None
    ready_path = None

    def __init__(self, directory):
        self._directory = directory
        self._path = program(self.package, self.package)
        self._port = free_port()
        self._process = None
        self.url = "http://127.0.0.1:%d" % self._port

    def _command(self):
        """Return what is to be run."""
        raise NotImplementedError

    def __enter__(self):
        command = [self._path, *self._command()]
        with open(self._directory / (self.package + ".log"), "wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_until(self._is_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def query(self, expression, at=None):
        """Return the results of a PromQL expression, now or ``at`` a Unix time."""
        asked = {"query": expression, **({} if at is None else {"time": "%.3f" % at})}
        return json.loads(self.get("/api/v1/query?" + urllib.parse.urlencode(asked)))["data"][
            "result"
        ]

    def value(self, expression, at=None):
        """Return the number of an expression that gives exactly one; None where it gives none."""
        found = self.query(expression, at)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def awaited(self, expression):
        """Return the number of an expression, once it gives one: a late scrape leaves a gap."""
        (found,) = wait_until(lambda: self.query(expression))
        return float(found["value"][1])

    def get(self, path, data=None):
        """Return the body of an answer; with ``data`` the request is a POST."""
        with urllib.request.urlopen(self.url + path, data=data, timeout=30) as answer:
            return answer.read()

    def own(self, family, **labels):
        """Return a number out of the server's metrics about itself, summed over its series."""
        return Scrape(self.get("/metrics").decode()).sum(family, **labels)

    @property
    def pid(self):
        """The process."""
        return self._process.pid

    def _is_ready(self):
        try:
            return bool(self.get(self.ready_path))
        except OSError:  # HTTPError is one
            return False


class Prometheus(PromQL):
    """Scrapes ``scrape_configs``; ``more`` are further sections of its configuration."""

    package = "prometheus"
    ready_path = "/-/ready"

    def __init__(self, directory, scrape_configs, more=None, flags=()):
        super().__init__(directory)
        self._config = {**(more or {}), "scrape_configs": scrape_configs}
        self._flags = flags

    def _command(self):
        config = self._directory / "prometheus.yml"
        config.write_text(json.dumps(self._config))  # JSON is YAML
        return [
            "--config.file=%s" % config,
            "--storage.tsdb.path=%s" % (self._directory / "tsdb"),
            "--web.listen-address=127.0.0.1:%d" % self._port,
            *self._flags,
        ]


class VictoriaMetrics(PromQL):
    """Takes remote write at ``write_url``; shows at once what it has."""

    package = "victoria-metrics"
    ready_path = "/health"

    def _command(self):
        return [
            "-storageDataPath=%s" % (self._directory / "victoria-metrics"),
            "-httpListenAddr=127.0.0.1:%d" % self._port,
            "-search.latencyOffset=0s",
            "-memory.allowedBytes=256MiB",
        ]

    @property
    def write_url(self):
        """Where a Prometheus writes to."""
        return self.url + "/api/v1/write"
