"""Reading one profile: right, or refused; never wrong."""

import os
import random
import time
from contextlib import suppress

import pytest

from waggle_live.profile.tau.profile import Run, parse
from waggle_live.wire.errors import InvalidProfile

from .recorded import FILES, METADATA, SERIES, SERIES_END, profile, read, row

pytestmark = pytest.mark.oldest_and_newest

#: Up to here a file is cut at every byte; of larger ones a sample is, and all of the last.
SMALL = float("inf") if "WAGGLE_LIVE_ALL_CUTS" in os.environ else 25000


def by_hand(data):
    """Return calls, exclusive and inclusive by row, read from the right ends of the lines."""
    rows = []
    for line in data.split(b"\n"):
        if line.endswith(b'" ') and b' GROUP="' in line:
            numbers = line.rpartition(b' GROUP="')[0].rsplit(b" ", 5)
            rows.append((numbers[1], numbers[3], numbers[4]))
    return rows


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_profile_is_read_as_tau_wrote_it(name):
    """As many rows as the file says, with its numbers; names of any kind."""
    data = read(name)
    found = parse(data)
    assert len(found.rows) == int(data.split()[0])
    assert [row[1:4] for row in found.rows] == by_hand(data)
    assert found.metric == data.split()[1].decode().rpartition("MULTI_")[2]
    assert found.rows[0][0] == b".TAU application"
    assert found.run.pid.isdigit()
    assert len(found.run.started) == 16


@pytest.mark.parametrize("name", FILES)
def test_the_exclusive_times_are_all_of_the_application(name):
    """What TAU says the application took is what its functions took by themselves."""
    rows = [row for row in parse(read(name)).rows if b"CALLPATH" not in row[4]]
    assert sum(int(row[2]) for row in rows) == int(rows[0][3])


@pytest.mark.parametrize("name", FILES)
def test_a_cut_at_any_byte_is_refused_or_right(name):
    """What was written half is never read as something else."""
    data = read(name)
    whole = parse(data)
    size = len(data)
    cuts = range(size) if size < SMALL else [*range(0, size, 9973), *range(size - 600, size)]
    for cut in cuts:
        try:
            found = parse(data[:cut])
        except InvalidProfile:
            continue
        assert found == whole, cut
        assert data[cut - 13 : cut] == b"0 aggregates\n"


def test_names_with_anything_in_them():
    """Quotes, a newline, a tab, unicode, 3,000 characters, and a name that imitates a row."""
    found = parse(read("12-odd-names/profile.-1.0.0"))
    names = [row[0].decode() for row in found.rows]
    assert names[1:6] == [
        'has "quotes" inside ',
        "back\\slash ",
        "tab\there ",
        "new\nline ",
        "\u00fcn\u00efcode \u03bb \u63a8\u8ad6 ",
    ]
    assert 'x" 1 2 3 4 0 GROUP="FAKE ' in names
    assert {len(name) for name in names if name.startswith("nnn")} == {3001}
    assert found.rows[-1][4] == b"MYGROUP|OTHER"


@pytest.mark.parametrize(
    "name",
    [
        "a\n0 aggregates\nb",
        "0 aggregates\n",
        '" 1 1 1 1 0 GROUP="X',
        "5 templated_functions_MULTI_TIME\n# Name",
        '\n"',
        "<metadata></metadata>\n",
        "\r\n\x00",
        'a" 1 0 2 2 0 GROUP="X" \nb',
        'a" 1 0 2 2 0 GROUP="X" \n0 aggregates\n',
    ],
)
def test_names_that_imitate_the_format(name):
    """They are read as they are."""
    found = parse(profile(row("before", 1, 2), row(name, 3, 4), row("after", 5, 6)))
    assert [row[:3] for row in found.rows] == [
        (b"before", b"1", b"2"),
        (name.encode(), b"3", b"4"),
        (b"after", b"5", b"6"),
    ]


def test_a_name_that_can_be_read_in_two_ways_is_refused():
    """One that holds a whole row and the beginning of another: nobody can tell them apart."""
    with pytest.raises(InvalidProfile):
        parse(profile(row('a" 1 0 2 2 0 GROUP="X" \n"b', 3, 4)))


@pytest.mark.parametrize(
    ("exclusive", "is_number"),
    [
        (b"1.5E+10", True),
        (b"0.25", True),
        (b"-3", True),
        (b"1E-05", True),
        (b"nan", False),
        (b"inf", False),
        (b"1.", False),
        (b"", False),
        (b"0x1", False),
        (b"1e5", False),
    ],
)
def test_numbers_are_as_printf_writes_them(exclusive, is_number):
    """What %.16G writes of a finite number, and nothing else."""
    data = profile(row("a", 1, 77)).replace(b" 77 77 ", b" %b 77 " % exclusive)
    if is_number:
        assert parse(data).rows[0][2] == exclusive
    else:
        with pytest.raises(InvalidProfile):
            parse(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"1 templated", b"2 templated"),
        lambda data: data.replace(b"1 templated", b"0 templated"),
        lambda data: b" " + data,
        lambda data: data + b"\n",
        lambda data: data + b"x",
        lambda data: data.replace(b"0 aggregates", b"1 aggregates"),
        lambda data: data.replace(b'GROUP="TAU_PYTHON" \n', b'GROUP="TAU_PYTHON"\n'),
        lambda data: data.replace(b'\n"a"', b'\na"'),
        lambda data: data.replace(b"<name>pid</name>", b"<name>dip</name>"),
        lambda data: data.replace(b"Starting Timestamp", b"Start"),
        lambda data: data.replace(b"</metadata>", b""),
        lambda data: data + b"1 userevents\n# eventname numevents max min mean sumsqr\n",
        lambda data: data + b'1 userevents\n# eventname numevents max min mean sumsqr\n"e" 1 1\n',
        lambda data: b"",
        lambda data: b"\xff" * 1000,
    ],
)
def test_what_is_no_profile_is_refused(change):
    """Each part of the format is needed."""
    data = profile(row("a", 1, 2))
    parse(data)
    with pytest.raises(InvalidProfile):
        parse(change(data))


def test_any_other_bytes_are_refused_or_read():
    """A profile with bytes changed, left out or doubled: nothing but InvalidProfile is raised."""
    dice = random.Random(3)
    whole = profile(*(row("f%d" % i, i, i * 1.5) for i in range(20)))
    for _ in range(3000):
        data = bytearray(whole)
        at = dice.randrange(len(METADATA) - 50, len(data))
        to = min(len(data), at + dice.randrange(30))
        data[at:to] = dice.choice(
            [b"", data[at:to] * 2, bytes(dice.randrange(256) for _ in range(5)), b"9" * 5000]
        )
        with suppress(InvalidProfile):
            for found in parse(bytes(data)).rows:
                int(found[1]), float(found[2]), float(found[3])


def test_runs_are_told_apart():
    """By pid and starting timestamp; the last profile of a run says that it is."""
    dumps = [parse(read(name)) for name in SERIES]
    end = parse(read(SERIES_END))
    assert {dump.run for dump in dumps} == {end.run} == {Run("12369", "1795433732373973")}
    assert [dump.has_ended for dump in dumps] == [False] * 4
    assert end.has_ended
    assert end.command == "/usr/local/bin/python3.11 /app/pyt.py dump"


def test_twenty_megabytes_are_read_soon():
    """A large profile holds up nothing for long: 0.3 s were seen, with 230,000 functions."""
    rows = [
        row("function_%d [{/app/module_%d.py}{%d}]" % (i, i % 50, i), i + 1, i * 3)
        for i in range(230000)
    ]
    data = profile(*rows)
    assert len(data) > 20 * 10**6
    began = time.process_time()
    assert len(parse(data).rows) == len(rows)
    assert time.process_time() - began < 5
