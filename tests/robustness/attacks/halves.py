"""K3: what is begun and never finished, asked and never read, in many small parts."""

import contextlib
import itertools
import socket
import ssl

from .stranger import PATIENCE, Stranger, attack, hold, timer

HALF_LINE = b'{"type":"update","number":1,"monotonic":1,"cells":[' + b" " * 1_000_000
PAGE = b"GET /api/v1/changes HTTP/1.1\r\nHost: a\r\n\r\n"


@attack
def half_lines(target):
    """500 sessions with a line of nearly 1 MiB that has no end."""

    def make():
        stranger = Stranger(target).hello()
        stranger.fill(HALF_LINE)
        return stranger

    hold(make, 500)


@attack
def half_lines_of_the_ended(target):
    """The same by sessions that have said bye, on connections that greet them again."""

    def make():
        stranger = Stranger(target).hello("%s-ended" % target.me)
        stranger.say({"type": "bye", "number": 1})
        stranger = Stranger(target).hello("%s-ended" % target.me)
        stranger.fill(HALF_LINE)
        return stranger

    hold(make, 500)


@attack
def half_hellos(target):
    """1,000 connections with 16 KiB of a hello that has no end."""

    def make():
        stranger = Stranger(target)
        stranger.fill(b'{"type":"hello","more":"' + b"x" * 16_000)
        return stranger

    hold(make, 1000)


@attack
def half_hellos_of_addresses(target):
    """Over TCP from 250 addresses, each less than a request of a scraper takes."""
    numbers = itertools.count()

    def make():
        stranger = Stranger(target, "127.0.1.%d" % (next(numbers) % 250 + 1))
        stranger.fill(b'{"type":"hello","more":"' + b"x" * 14_000)
        return stranger

    hold(make, 250, pause=0.01)


@attack
def silent_connections(target):
    """2,000 connections to the socket that say nothing."""
    hold(lambda: Stranger(target), 2000)


@attack
def half_headers(target):
    """300 requests with 63 kB of headers that have no end."""
    header = b"GET /metrics HTTP/1.1\r\nHost: a\r\n" + b"X-%d: %s\r\n" % (1, b"y" * 8000) * 7
    hold(lambda: target.http(header + b"X-Last: " + b"z" * 6000), 300)


@attack
def half_bodies(target):
    """300 requests that announce a body and send a part of it."""
    head = b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    hold(lambda: target.http(head + b"x" * 60_000), 300)


@attack
def silent_http(target):
    """1,500 connections to port 9090 that ask nothing."""
    hold(lambda: target.http(b""), 1500)


@attack
def silent_tls(target):
    """500 handshakes of TLS and then nothing, and as many that are never made."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def make():
        target.http(b"\x16\x03\x01\x02\x00").detach()
        return target.http(b"", context)

    hold(make, 500)


@attack
def pages(target):
    """200 pages that ask for the newest numbers a hundred times and read nothing."""
    hold(lambda: target.http(100 * PAGE), 200)


@attack
def slow_readers(target):
    """100 readers of large answers in each form that read nothing, with a table to show."""
    stranger = Stranger(target).hello()
    cells = [timer("t%d" % number, 9, [[e, 1] for e in range(9)]) for number in range(900)]
    with contextlib.suppress(OSError):
        stranger.update(cells)
    forms = [
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /metrics?live=0 HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n",
        b"GET /api/v1/plugins HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/history HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/changes HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    def make():
        forms.append(forms.pop(0))
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.bind((target.source, 0))
        sock.connect(("127.0.0.1", target.http_port))
        sock.sendall(forms[0])
        return sock

    hold(make, 100)


@attack
def unread_answers(target):
    """200 sessions that ask and ask, and never read."""

    def make():
        stranger = Stranger(target).hello()
        stranger.fill(b'{"type":"flush"}\n' * 20_000)
        return stranger

    hold(make, 200)
