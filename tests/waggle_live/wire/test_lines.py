"""The wire's lines: cutting a stream into them, splitting updates over them."""

import json

import pytest

from waggle_live.wire import protocol
from waggle_live.wire.protocol import MAX_LINE_BYTES, LineBuffer, encode_cell, encode_updates

STREAM = b"one\n\ntwo\n" + b"x" * 9 + b"\nthree\n" + b"y" * 30 + b"\nfour\nfi"
LINES = [b"one", b"", b"two", b"x" * 9, b"three", None, b"four"]


def feed(buffer, chunks):
    """Return all that a line buffer yields for these chunks."""
    return [line for chunk in chunks for line in buffer.feed(chunk)]


def test_every_split():
    """Wherever a stream is cut in two, the same lines come out."""
    for at in range(len(STREAM) + 1):
        assert feed(LineBuffer(10), [STREAM[:at], STREAM[at:]]) == LINES, at


def test_every_pair_of_splits():
    """Wherever a stream is cut in three, the same lines come out."""
    for first in range(len(STREAM) + 1):
        for second in range(first, len(STREAM) + 1):
            chunks = [STREAM[:first], STREAM[first:second], STREAM[second:]]
            assert feed(LineBuffer(10), chunks) == LINES, (first, second)


def test_byte_by_byte_and_at_once():
    """One byte at a time or all in one read."""
    assert feed(LineBuffer(10), [STREAM[i : i + 1] for i in range(len(STREAM))]) == LINES
    assert feed(LineBuffer(10), [b"", STREAM, b""]) == LINES
    assert feed(LineBuffer(10), [STREAM, b"ve\n"]) == [*LINES, b"five"]


@pytest.mark.parametrize("extra, good", [(-1, True), (0, True), (1, False)])
def test_limit_is_inclusive_of_the_newline(extra, good):
    """A line of exactly the limit, its newline counted, passes; one byte more doesn't."""
    line = b"z" * (10 - 1 + extra)
    for chunks in ([line + b"\n"], [line, b"\n"], [line[:5], line[5:] + b"\n"]):
        assert feed(LineBuffer(10), [*chunks, b"ok\n"]) == [line if good else None, b"ok"]


def test_endless_line_is_bounded_and_reported_once():
    """A gibibyte without a newline takes the memory of one line and is one error."""
    buffer, found = LineBuffer(), []
    chunk = b"x" * (1 << 20)
    for _ in range(1024):
        found += buffer.feed(chunk)
        assert len(buffer._pending) <= MAX_LINE_BYTES
    assert found == [None]
    assert feed(buffer, [b"rest\nnext\n"]) == [b"next"]


def test_two_long_lines_are_two_errors():
    """Each line that is too long is reported, and neighbours live."""
    assert feed(LineBuffer(4), [b"aaaaaa\nb\ncccccc\nd\n"]) == [None, b"b", None, b"d"]


def timer_cell(index, padding):
    return {"kind": "timer", "name": "t%d" % index, "labels": {"a": "x" * padding}, "count": 0}


@pytest.mark.parametrize("count, padding", [(0, 0), (1, 10), (9000, 200), (30, 100000)])
def test_updates_fit_lines(count, padding):
    """Cells are split over lines of at most 1 MiB, each once, in order, numbers rising by one."""
    cells = [timer_cell(i, padding) for i in range(count)]
    process = {"cpu_seconds": 1.5}
    lines = list(encode_updates(map(encode_cell, cells), 7, 3.5, 3.25, process))
    messages = [protocol.decode(line) for _, line in lines]
    assert all(len(line) <= MAX_LINE_BYTES for _, line in lines)
    assert [number for number, _ in lines] == list(range(7, 7 + len(lines)))
    assert [message["number"] for message in messages] == [number for number, _ in lines]
    assert [cell for message in messages for cell in message["cells"]] == cells
    assert all(m["monotonic"] == 3.5 and m["since"] == 3.25 for m in messages)
    assert [m.get("process") for m in messages] == [process] + [None] * (len(messages) - 1)
    assert all(line.count(b"\n") == 1 for _, line in lines)


def test_updates_around_the_limit():
    """At each size around the limit nothing is lost and no line is too long."""
    empty = len(next(encode_updates([], 1, 1.0, 1.0))[1])
    own = len(json.dumps(timer_cell(0, 0), separators=(",", ":")))
    for slack in range(-3, 4):
        padding = MAX_LINE_BYTES - empty - 2 * own - 1 + slack
        cells = [timer_cell(0, 0), timer_cell(1, padding)]
        lines = [line for _, line in encode_updates(map(encode_cell, cells), 1, 1.0, 1.0)]
        assert all(len(line) <= MAX_LINE_BYTES for line in lines)
        assert [cell for line in lines for cell in protocol.decode(line)["cells"]] == cells
        if slack > 0:
            assert len(lines) == 2
        if slack == -3:
            assert len(lines) == 1


def test_largest_cell_fits_a_line():
    """The largest cell that the rules allow is far below a line, so none is ever dropped."""
    labels = {"l%d" % i: "\U0001f41d" * 63 for i in range(4)}
    protocol.check_labels(labels)
    largest = {
        "kind": "timer",
        "name": "n" * 128,
        "labels": labels,
        "buckets": [[i, 2**62] for i in range(-240, 161)],
    }
    assert len(protocol.encode(largest)) < MAX_LINE_BYTES // 4
