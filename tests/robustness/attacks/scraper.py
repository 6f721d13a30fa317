"""Who scrapes a node under attack, and how."""

import base64
import contextlib
import gzip
import http.client
import re
import ssl
import threading
import time

from tests.collector.harness import CollectorProcess

from ..processes import peak

#: Seconds between two scrapes, and until one has failed. How long each took is judged without what
#: the collector waited for a core, so the end of patience is far behind that bound.
SCRAPE_EVERY, SCRAPE_TIMEOUT = 0.2, 30.0
#: The neighbours' counters in a text: lines without their values, and these.
COUNTERS = re.compile(
    rb"^(waggle_(?:timer_seconds_count|count_total|rate_events_total)"
    rb'\{[^\n]*plugin="neighbour",plugin_job="",plugin_task="neighbour-[^\n]*\}) (\S+)$',
    re.MULTILINE,
)
USER, PASSWORD = "prometheus", "its password"
_TRUSTING = ssl.create_default_context()
_TRUSTING.check_hostname, _TRUSTING.verify_mode = False, ssl.CERT_NONE


class Collector(CollectorProcess):
    """A collector that may be guarded by TLS and a password."""

    guarded = False
    port = 0

    def connection(self):
        """Return a connection to its port."""
        port = self.port
        if self.guarded:
            how = {"context": _TRUSTING, "timeout": SCRAPE_TIMEOUT}
            return http.client.HTTPSConnection("127.0.0.1", port, **how)
        return http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_TIMEOUT)

    def get(self, path, headers=None, timeout=SCRAPE_TIMEOUT):
        """Return status, headers and body of a request."""
        headers = dict(headers or {})
        if self.guarded:
            user = base64.b64encode(("%s:%s" % (USER, PASSWORD)).encode()).decode()
            headers["Authorization"] = "Basic " + user
        with contextlib.closing(self.connection()) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def text(self):
        """Return the status and the text of a scrape. It comes packed, as Prometheus asks for it.

        A full table is 20 MB of text, and who is slow to read an answer that others don't share has
        to make room.
        """
        status, headers, body = self.get("/metrics", {"Accept-Encoding": "gzip"})
        return status, gzip.decompress(body) if headers["Content-Encoding"] == "gzip" else body


class Scraper(threading.Thread):
    """Scrapes as Prometheus does, and notes what took how long, failed, or fell.

    What the collector waited for a core doesn't count: the attackers run on the same ones.
    """

    def __init__(self, collector):
        super().__init__(daemon=True)
        self._collector = collector
        self.ended = threading.Event()
        #: Set while nobody looks, so that a node between two attacks burdens no other test.
        self.resting = threading.Event()
        #: Set while the collector is down or not ready on purpose.
        self.excused = threading.Event()
        self.seconds, self.failures, self.fallen = [], [], []
        self.highest = {}
        self.peak = 0
        self.lines = 0

    def run(self):
        while not self.ended.wait(SCRAPE_EVERY):
            if self.resting.is_set():
                continue
            excused, asked = self.excused.is_set(), self._collector.process
            begin, waited = time.monotonic(), self._waited()
            try:
                with contextlib.suppress(OSError, KeyError):
                    self.peak = max(self.peak, peak(self._collector.process.pid))
                status, body = self._collector.text()
            except (OSError, http.client.HTTPException) as error:
                status, body = repr(error), b""
            took = time.monotonic() - begin - (self._waited() - waited)
            # This thread may have slept until another collector was started.
            excused |= self.excused.is_set() or self._collector.process is not asked
            if status == 200:
                if not excused:
                    self.seconds.append(took)
                self.look(body)
            elif not excused:
                self.failures.append((status, round(took, 2), body[:200]))

    def _waited(self):
        """Return what the collector has waited for a core; 0 while it is down."""
        try:
            return self._collector.waited()
        except OSError:
            return 0.0

    def look(self, text):
        """Compare the neighbours' counters with what they were."""
        self.lines = text.count(b"\n")
        shown = {key: float(value) for key, value in COUNTERS.findall(text)}
        for key, highest in self.highest.items():
            if shown.get(key, -1) < highest:
                self.fallen.append((key, highest, shown.get(key)))
        self.highest.update(shown)
