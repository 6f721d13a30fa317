"""A server that answers as a test says, over real sockets, and hosts with dead addresses."""

import contextlib
import json
import socket
import threading

import pytest


def timer(name="inference", mean=0.01, **fields):
    """Return a timer of the JSON."""
    whole = {"name": name, "labels": {}, "age": 0.5, "count": 10, "sum": 0.1, "failures": 1}
    whole.update({"last": 0.02, "mean": mean, "p50": mean, "p95": mean, "p99": mean})
    whole.update(fields)
    return whole


def rate(name="fps", per_second=25.0, **fields):
    """Return a rate of the JSON."""
    whole = {"name": name, "labels": {}, "age": 0.1, "total": 100, "per_second": per_second}
    whole["last"] = 24.0
    whole.update(fields)
    return whole


def plugin(task="detect", up=True, **fields):
    """Return a plugin of the JSON."""
    whole = {"plugin": "yolo", "plugin_task": task, "plugin_job": "", "up": up, "silent": 0.2}
    whole.update({"state": "up" if up else "ended", "status": None if up else "ok"})
    whole.update({"sessions": 1, "start": 1.0, "last_seen": 2.0, "cpu_seconds": 3.0})
    whole.update({"memory_bytes": None, "exits": {}, "messages": {}, "problems": {}})
    whole.update({"uploads": None, "timers": [], "rates": [], "gauges": [], "counters": []})
    whole.update(fields)
    return whole


def function(name, exclusive=1.0, calls=20, **fields):
    """Return a function of the JSON, which TAU measured."""
    whole = {"name": name, "profiler": "tau", "calls": calls}
    whole.update({"exclusive": exclusive, "inclusive": exclusive, "exclusive_cpu": None})
    whole.update({"throttled": False, "share": None, "share_of": "wall"})
    whole.update(fields)
    return whole


def sampled(name, cpu=0.5, share=0.25, **fields):
    """Return a function of the JSON, which the sampler saw."""
    whole = {"calls": None, "profiler": "sampler", "share_of": "cpu", "exclusive_cpu": cpu}
    whole.update(fields)
    return function(name, share=share, **whole)


def body(*plugins, **fields):
    """Return the JSON text of an answer."""
    whole = {"node": {"node_id": "n", "vsn": "W000"}, "plugins": list(plugins)}
    whole.update(fields)
    return json.dumps(whole).encode("utf-8")


def http(content, status="200 OK", *headers):
    """Return the bytes of an answer."""
    head = ["HTTP/1.1 " + status, "Content-Length: %d" % len(content)]
    return "\r\n".join(head + list(headers) + ["", ""]).encode("ascii") + content


class Server:
    """Answers each request by what ``answer(request)`` returns: the bytes of the whole answer,
    or a function that is given the connection. ``connections`` counts them."""

    def __init__(self):
        self.answer = lambda request: http(body())
        self.connections = 0
        self.requests = []
        self.over = threading.Event()
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(16)
        self.url = "http://127.0.0.1:%d" % self._listening.getsockname()[1]
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection = self._listening.accept()[0]
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        read = b""
        try:
            while True:
                while b"\r\n\r\n" not in read:
                    more = connection.recv(4096)
                    if not more:
                        return
                    read += more
                request, _, read = read.partition(b"\r\n\r\n")
                self.requests.append(request.decode("ascii"))
                answer = self.answer(self.requests[-1])
                if callable(answer):
                    answer(connection)
                else:
                    connection.sendall(answer)
        except OSError:
            pass
        finally:
            connection.close()

    def hang_up(self):
        """Close all connections, as one does that was idle for long."""
        while self._open:
            connection = self._open.pop()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        """End it all."""
        self.over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def servers():
    """Make any number of servers."""
    made = []

    def make():
        made.append(Server())
        return made[-1]

    yield make
    for each in made:
        each.close()


NAME = "node.test"


@contextlib.contextmanager
def dead(host):
    """Give an address that drops whatever wants to connect, as a host that is switched off."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind((host, 0))
        listening.listen(0)
        where = listening.getsockname()
        # A full queue: from then on the kernel answers nothing.
        for _ in range(4):
            full = stack.enter_context(socket.socket())
            full.setblocking(False)
            full.connect_ex(where)
        yield where


def info(where):
    """Return the address info of an IPv4 address."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", where)


@pytest.fixture
def deads():
    """Make any number of dead addresses."""
    with contextlib.ExitStack() as stack:
        yield lambda count: [
            stack.enter_context(dead("127.0.1.%d" % n)) for n in range(1, count + 1)
        ]


@pytest.fixture
def name(monkeypatch):
    """A name that is looked up as the test says: ``name.addresses``, after ``name.wait()``."""
    look_up = socket.getaddrinfo

    class Name:
        addresses = ()
        over = threading.Event()
        looked_up = 0

        @staticmethod
        def wait():
            pass

    def getaddrinfo(host, *rest, **more):
        if host != NAME:
            return look_up(host, *rest, **more)
        Name.looked_up += 1
        Name.wait()
        return [info(where) for where in Name.addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield Name
    Name.over.set()
