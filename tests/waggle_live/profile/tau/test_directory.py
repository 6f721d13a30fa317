"""Reading a directory while programs write to it."""

import os
import shutil
import threading

import pytest

from waggle_live.profile.tau.directory import CPU_TIME, TIME, Directory
from waggle_live.profile.tau.functions import Functions
from waggle_live.profile.tau.start.waggle_live_tau_start import CHILD

from .recorded import FILES, PROFILES, SERIES, SERIES_END, by_metric, profile, read, row

pytestmark = pytest.mark.oldest_and_newest


@pytest.fixture
def directory(tmp_path):
    """A reader of an empty directory, which doesn't wait for files to settle."""
    made = Directory(str(tmp_path), sleep=lambda seconds: None)
    made.path = tmp_path
    return made


def write(directory, name, data, mode="wb"):
    path = directory.path / name
    path.parent.mkdir(exist_ok=True)
    with open(str(path), mode) as file:
        file.write(data)
    # As if some time had passed: the clock of a file system ticks slowly.
    write.ticks += 1
    os.utime(str(path), ns=(0, 10**18 + write.ticks))


write.ticks = 0


@pytest.mark.parametrize("name", sorted({os.path.dirname(name) for name in FILES}))
def test_every_recorded_directory(name):
    """All exclusive times together are those of the application, over all threads."""
    for functions in by_metric(Directory(str(PROFILES / name)).read()).values():
        if functions:
            application = functions[b".TAU application"]
            assert sum(values[1] for values in functions.values()) == application[2]


def test_metrics_are_told_apart():
    """TIME and CPU_TIME are taken, any other is listed; calls are the same in both."""
    directory = Directory(str(PROFILES / "03-multi-metric"))
    metrics = by_metric(directory.read())
    assert directory.others == {"LOGICAL_CLOCK"}
    assert metrics["LOGICAL_CLOCK"] == {}
    assert metrics[TIME][b"sleep"][1] > metrics[CPU_TIME][b"sleep"][1] > 0
    for name, values in metrics[TIME].items():
        assert metrics[CPU_TIME][name][0] == values[0]
    assert directory.torn == 0


def test_threads_add_up():
    """Four files of one run; by hand from the files."""
    readings = Directory(str(PROFILES / "13-threads")).read()
    assert len({reading.thread for reading in readings}) == 4
    assert len({reading.run for reading in readings}) == 1
    time = by_metric(readings)[TIME]
    name = b"[PTHREAD] make_new_set [{/usr/src/Python-3.11.7/Objects/setobject.c} {957, 0}]"
    exclusive = (303550 + 302202 + 304499) * 1000
    assert time[name] == (3, exclusive, exclusive)
    assert time[b".TAU application"][2] == (464042 + 355378 + 302236 + 304513) * 1000


def test_call_paths_are_left_out():
    """The flat rows have it all."""
    (reading,) = Directory(str(PROFILES / "10-callpath")).read()
    assert len(reading.functions) == 222
    assert not any(b"=>" in name for name in reading.functions)


def test_a_dump_and_the_final_profile_of_a_thread_count_once(directory):
    """Also where the node got its number in between; the later is the larger."""
    write(directory, "dump.-1.0.0", read(SERIES[2]))
    write(directory, "profile.0.0.0", read(SERIES_END))
    readings = directory.read()
    assert {reading.thread for reading in readings} == {"0.0"}
    assert {reading.profile.has_ended for reading in readings} == {False, True}
    functions = Functions()
    functions.read(readings)
    assert functions.sums["inference"][:3] == [20, 20192000, 20192000]


def test_runs_are_apart(directory):
    """Two processes, the older first."""
    write(directory, "profile.1.0.0", profile(row("f", 1, 1), pid=7, started=2))
    write(directory, "profile.0.0.0", profile(row("f", 2, 2), pid=7, started=1))
    assert [reading.functions[b"f"][0] for reading in directory.read()] == [2, 1]
    assert {run.started for run in directory.runs.values()} == {"1", "2"}


def test_a_torn_file_is_counted_once_and_what_was_known_stays(directory):
    """Until it is whole again; a new one that is torn is nothing."""
    write(directory, "dump.-1.0.0", read(SERIES[0]))
    assert len(directory.read()) == 1
    present = dict(directory.runs)
    assert directory.read() == []
    write(directory, "dump.-1.0.0", read(SERIES[1])[:-20])
    write(directory, "other.0.0.0", read(SERIES[1])[:99])
    for _ in range(3):
        assert directory.read() == []
        assert directory.runs == present
    assert directory.torn == 2
    write(directory, "dump.-1.0.0", read(SERIES[1]))
    (reading,) = directory.read()
    assert reading.functions[b"inference"][0] == 10
    assert directory.torn == 2


def test_what_changes_while_it_is_read_is_torn(tmp_path):
    """A file that does not stand still for a moment is left for the next time."""
    path = tmp_path / "dump.0.0.0"
    path.write_bytes(read(SERIES[0]))
    directory = Directory(str(tmp_path), sleep=lambda seconds: path.write_bytes(b"longer" * 9999))
    assert directory.read() == []
    assert directory.torn == 1


def test_a_time_that_no_number_holds_is_torn(directory):
    """An infinite one is as good as a file that is not whole; a very long one is the longest."""
    data = profile(row("f", 1, 77))
    write(directory, "profile.0.0.0", data.replace(b" 77 77 ", b" 1E+999 1 "))
    write(directory, "profile.0.0.1", data.replace(b" 77 77 ", b" 1E+300 1E+300 "))
    (reading,) = directory.read()
    assert directory.torn == 1
    functions = Functions()
    functions.read([reading])
    assert functions.sums["f"][:3] == [1, 2**63 - 1, 2**63 - 1]


def test_what_is_no_profile_is_left_alone(directory):
    """Hidden files, other names, pipes, directories, links to nowhere; no directory at all."""
    for name in (".waggle-part.0.0.0", "profile.0.0", "notes.txt", "sub/profile.0.0.0"):
        write(directory, name, read(SERIES[0]))
    os.mkfifo(str(directory.path / "profile.1.0.0"))
    os.mkdir(str(directory.path / "profile.2.0.0"))
    os.symlink("/nowhere", str(directory.path / "profile.3.0.0"))
    assert directory.read() == []
    assert directory.torn == 0
    shutil.rmtree(str(directory.path))
    assert directory.read() == []


def test_size_and_number_of_files_are_bounded(tmp_path):
    """A file that is too large is counted as torn; of more files than allowed, those that were
    written last are read, whatever they are called."""
    for number in range(4):
        path = tmp_path / ("profile.0.0.%d" % number)
        path.write_bytes(profile(row("f", 10**number, 1)))
        os.utime(str(path), ns=(0, 10**18 - number))
    few = Directory(str(tmp_path), max_files=3)
    assert sorted(reading.functions[b"f"][0] for reading in few.read()) == [1, 10, 100]
    assert few.surplus == 1
    os.utime(str(path), ns=(0, 2 * 10**18))
    (reading,) = few.read()
    assert reading.functions[b"f"][0] == 1000
    assert len(few.runs) == 3
    os.remove(str(path))
    few.read()
    assert few.surplus == 0
    small = Directory(str(tmp_path), max_bytes=100)
    assert small.read() == []
    assert small.torn == 3


def test_a_run_that_is_gone_is_no_longer_told_of(directory):
    """Its files were removed, or overwritten by another run."""
    write(directory, "profile.0.0.0", profile(row("f", 1, 1), pid=1))
    assert [reading.run.pid for reading in directory.read()] == ["1"]
    write(directory, "profile.0.0.0", profile(row("f", 1, 1), pid=2))
    assert [reading.run.pid for reading in directory.read()] == ["2"]
    assert [run.pid for run in directory.runs.values()] == ["2"]
    os.remove(str(directory.path / "profile.0.0.0"))
    assert directory.read() == []
    assert directory.runs == {}


def test_no_reading_is_half_of_one_dump_and_half_of_another(tmp_path):
    """A program writes in place, in pieces, without a pause; each reading is one of its dumps."""
    path = tmp_path / "dump.0.0.0"
    ended = threading.Event()

    def write_on():
        number = 0
        while not ended.is_set():
            number += 1
            rows = [row("f%d" % i, number, number * 10 ** (i % 7)) for i in range(60)]
            data = profile(*rows)
            with open(str(path), "wb", buffering=0) as file:
                for start in range(0, len(data), 1500):
                    file.write(data[start : start + 1500])
            ended.wait(0.001 if number % 2 else 0.1)

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        directory = Directory(str(tmp_path))
        seen = []
        while len(seen) < 5:
            for reading in directory.read():
                functions = reading.functions
                (number,) = {values[0] for values in functions.values()}
                for i in range(60):
                    assert functions[b"f%d" % i][1] == number * 10 ** (i % 7) * 1000
                if number not in seen:
                    seen.append(number)
    finally:
        ended.set()
        writer.join()
    assert seen == sorted(seen)


def test_what_a_forked_child_wrote_is_left_alone(directory):
    """It says that it is its parent's, and has the parent's functions once more."""
    write(directory, "profile.0.0.0", profile(row("f", 1, 10)))
    write(directory, "profile.%d.0.0" % CHILD, profile(row("f", 2, 20), ended=1))
    assert [each.functions[b"f"][0] for each in directory.read()] == [1]


def test_the_thread_that_dumps_counts_nothing(directory):
    """From Python 3.12 on TAU measures it, too."""
    dumper = row("dump_until [{/x/waggle_live_tau_start.py} {40}]", 1, 10)
    write(directory, "dump.0.0.1", profile(dumper, row("replace", 5, 20)))
    assert [each.functions for each in directory.read()] == [{}]


@pytest.mark.parametrize(
    ("name", "form"),
    [("snapshot.0.0.0", "snapshot"), ("tauprofile.xml", "merged"), ("tauprofile.xml.gz", "merged")],
)
def test_other_forms_are_named_and_left_alone(directory, name, form):
    """They are no torn profiles, and are told apart from an empty directory."""
    write(directory, name, b"<profile_xml>")
    assert directory.read() == []
    assert directory.forms == {form}
    assert directory.torn == 0
