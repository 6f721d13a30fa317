"""The profiles that TAU 2.35.2 wrote, and profiles made of their parts.

``profiles/`` holds them as they are; only paths inside were made neutral.
"""

import re
from operator import add
from pathlib import Path

PROFILES = Path(__file__).resolve().parent / "profiles"
#: Every file, by its path below ``profiles``.
FILES = sorted(
    str(path.relative_to(PROFILES))
    for path in PROFILES.rglob("*")
    if re.search(r"\.-?\d+\.\d+\.\d+\Z", path.name)
)
#: The same dump at four moments of a run, and the profile at its end.
SERIES = ["04-dbdump/series/step%d/dump.-1.0.0" % step for step in range(4)]
SERIES_END = "04-dbdump/profile.-1.0.0"
HEAD, METADATA = (PROFILES / SERIES[0]).read_bytes().split(b"\n")[:2]


def read(name):
    """Return the bytes of a recorded profile."""
    return (PROFILES / name).read_bytes()


def row(name, calls, exclusive, inclusive=None, group="TAU_PYTHON"):
    """Return one row, times in microseconds."""
    inclusive = exclusive if inclusive is None else inclusive
    text = '"%s" %d 0 %.16G %.16G 0 GROUP="%s" \n' % (name, calls, exclusive, inclusive, group)
    return text.encode()


def profile(*rows, metric="TIME", pid=12369, started=1795433732373973, ended=0):
    """Return a profile with these rows and TAU's own metadata but for what is given."""
    metadata = METADATA
    for attribute, value in (
        (b"pid", pid),
        (b"Starting Timestamp", started),
        (b"Ending Timestamp", ended),
    ):
        pattern = rb"(<name>%b</name><value>)[^<]*" % attribute
        metadata, found = re.subn(pattern, lambda m, v=value: m.group(1) + b"%d" % v, metadata)
        assert found
    head = b"%d templated_functions_MULTI_%b\n%b\n" % (len(rows), metric.encode(), metadata)
    return head + b"".join(rows) + b"0 aggregates\n"


def by_metric(readings):
    """Return what the readings of one run say together: sums over its threads, by metric and key.

    Of several files of a thread, a dump and the final profile, the larger values are the later.
    """
    threads = {}
    for reading in readings:
        for key, values in reading.functions.items():
            at = reading.profile.metric, key, reading.thread
            threads[at] = tuple(map(max, values, threads.get(at, values)))
    sums = {reading.profile.metric: {} for reading in readings}
    for (metric, key, _), values in threads.items():
        sums[metric][key] = tuple(map(add, values, sums[metric].get(key, (0, 0, 0))))
    return sums
