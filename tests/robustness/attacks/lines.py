"""K2: lines that are bad, large or without end; each is cheap to say."""

import json
import threading

from .stranger import Stranger, again, attack, counter

MIB = 1 << 20
UPDATE = b'{"type":"update","number":%d,"monotonic":1,"cells":%s}\n'


def flood(target, lines, connections=2):
    """Say the same lines as fast as they are taken, on so many connections."""

    def once():
        stranger = Stranger(target).hello()
        while True:
            stranger.say(lines)

    for _ in range(connections - 1):
        threading.Thread(target=again, args=(once,), daemon=True).start()
    again(once)


def full(item, size=MIB - 100):
    """Return an update whose cells are so many of these bytes."""
    return UPDATE % (1, b"[" + b",".join([item] * (size // (len(item) + 1))) + b"]")


@attack
def numbers_for_cells(target):
    """1 MiB of ``[1,1,1,…]``: half a million bad cells a line."""
    flood(target, full(b"1"))


@attack
def lines_of_120_kb(target):
    """Eight connections with bad cells in lines of 120 kB."""
    flood(target, full(b"{}", 120_000), connections=8)


@attack
def unknown_cells(target):
    """Cells of a kind that there is not."""
    flood(target, full(b'{"kind":"novel","name":"a"}'))


@attack
def bad_names(target):
    """Whole cells with names that are not allowed, each another."""
    cells = [counter("Bad Name %d" % number) for number in range(15_000)]
    flood(target, UPDATE % (1, json.dumps(cells).encode()))


@attack
def falling_counters(target):
    """Counters that are lower in each cell than in the one before."""
    cells = [counter("c", value) for value in range(15_000, 0, -1)]

    def once():
        stranger = Stranger(target).hello()
        for number in range(1, 1000):
            stranger.say(UPDATE % (number, json.dumps(cells).encode()))

    again(once)


@attack
def deep_nesting(target):
    """Brackets in brackets, as a cell, a field and a message."""
    deep = b"[" * 500_000
    nested = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    flood(target, UPDATE % (1, b"[" + nested + b"]") + deep + b"\n" + nested + b"\n")


@attack
def huge_numbers(target):
    """Numbers of half a million digits, strings of escapes, and bytes that are not UTF-8."""
    digits = b'[{"kind":"counter","name":"a","value":%s}]' % (b"9" * 500_000)
    escapes = b'[{"kind":"gauge","name":"%s","value":1}]' % (b"\\u0061" * 150_000)
    flood(target, UPDATE % (1, digits) + UPDATE % (2, escapes) + b'"\xff' * 300_000 + b"\n")


@attack
def good_lines(target):
    """1 MiB of good cells back to back: all of them have to be applied."""
    cells = json.dumps([counter("c%d" % (number % 900)) for number in range(18_000)]).encode()

    def once():
        stranger = Stranger(target).hello()
        for number in range(1, 1_000_000):
            stranger.say(UPDATE % (number, cells))

    threading.Thread(target=again, args=(once,), daemon=True).start()
    again(once)


@attack
def lines_of_one_letter(target):
    """As many bad lines as fit into a read."""
    flood(target, b"x\n" * 32_768)


@attack
def questions_without_end(target):
    """Flushes, unknown messages and second hellos, each of which costs an answer or a look."""
    hello = b'{"type":"hello","version":1,"session":"x"}\n'
    flood(target, (b'{"type":"flush"}\n' + b'{"type":"novel"}\n' + hello) * 1000)


@attack
def unknown_fields(target):
    """A hello and updates with a MiB of fields that nobody knows."""
    rest = json.dumps({"f%d" % number: [number] * 5 for number in range(20_000)})[1:].encode()
    line = b'{"type":"update","number":1,"monotonic":1,"cells":[],' + rest + b"\n"
    flood(target, line + b'{"type":"hello","version":1,' + rest + b"\n")
