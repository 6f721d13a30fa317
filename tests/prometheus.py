"""A real Prometheus server for tests, on the loopback interface."""

import json
import subprocess
import urllib.parse
import urllib.request

from tests.collector.harness import wait_until
from tests.programs import free_port, program


class Prometheus:
    """Started with a configuration, ended with the ``with`` block; keeps all in ``directory``."""

    def __init__(self, directory, scrape_configs):
        self._directory = directory
        self._config = {"scrape_configs": scrape_configs}
        self._path = program("prometheus", "prometheus")
        self._port = free_port()
        self._process = None

    def __enter__(self):
        config = self._directory / "prometheus.yml"
        config.write_text(json.dumps(self._config))  # JSON is YAML
        command = [
            self._path,
            "--config.file=%s" % config,
            "--storage.tsdb.path=%s" % (self._directory / "tsdb"),
            "--web.listen-address=127.0.0.1:%d" % self._port,
        ]
        with open(self._directory / "prometheus.log", "wb") as log:
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
        url = "http://127.0.0.1:%d/api/v1/query?%s" % (self._port, urllib.parse.urlencode(asked))
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def _is_ready(self):
        try:
            with urllib.request.urlopen(
                "http://127.0.0.1:%d/-/ready" % self._port, timeout=5
            ) as answer:
                return answer.status == 200
        except OSError:  # HTTPError is one
            return False
