"""What runs in the plugin beside TAU: dumps, and the script as it would run alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waggle_live.helpers import environment, run_python, write_script
from waggle_live.profile.tau.profile import parse
from waggle_live.profile.tau.start import waggle_live_tau_start as launcher

from .recorded import SERIES, read

pytestmark = pytest.mark.oldest_and_newest

START = launcher.__file__
STANDIN = Path(__file__).resolve().parent / "standin"


def environ(directory, **more):
    """Return an environment in which the stand-in for TAU's module is found."""
    env = environment("off", PROFILEDIR=str(directory), **more)
    env["PYTHONPATH"] = str(STANDIN)
    return env


@pytest.fixture
def play(tmp_path):
    """Run a script under the launcher to its end; returns status, stdout, stderr."""
    directory = tmp_path / "profiles"
    directory.mkdir()

    def run(text, *arguments, interval="0.05", **more):
        path = write_script(tmp_path, text)
        return run_python(START, interval, path, *arguments, env=environ(directory, **more))

    run.directory = directory
    return run


SHOW = """
    import sys, os, threading
    print(sys.argv[1:], __name__, os.path.basename(__file__), sys.path[0] == os.path.dirname(
        os.path.abspath(__file__)), sys.modules["__main__"].__dict__ is globals())
    print([name for name in sys.modules if name.split(".")[0] == "waggle_live"])
"""


def test_the_script_runs_as_alone(play):
    """Its arguments, ``__main__`` and path; nothing of ours is imported or on its path."""
    status, out, err = play(SHOW, "a", "--b", "", STANDIN_FINAL="no")
    assert (status, err) == (0, "")
    assert out == "['a', '--b', ''] __main__ main.py True True\n[]\n"


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("pass", 0, ""),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('a message')", 1, "a message\n"),
        ("import sys; sys.exit(-1)", 255, ""),
        ("def f():\n    raise ValueError('x')\nf()", 1, "ValueError: x\n"),
        ("1 +", 1, "SyntaxError"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
    ],
)
def test_the_exit_status_is_left_in_a_file(play, text, status, error):
    """TAU's command forgets it; tracebacks are the script's alone."""
    found, _, err = play(text)
    assert found == status
    assert launcher.read_number(str(play.directory), launcher.STATUS_FILE) == status
    assert error in err
    assert os.path.basename(START) not in err


def test_it_dumps_while_the_script_runs(play):
    """Each dump appears whole, in its place; nothing is left of the prefix."""
    (play.directory / "MULTI__TIME").mkdir()
    text = """
        import os, time
        seen = []
        while len(seen) < 3:
            try:
                with open(os.environ["PROFILEDIR"] + "/dump.-1.0.0", "rb") as file:
                    data = file.read()
            except FileNotFoundError:
                continue
            assert data.endswith(b"0 aggregates\\n")
            if data not in seen:
                seen.append(data)
    """
    assert play(text) == (0, "", "")
    dumped = {"dump.-1.0.0", "profile.-1.0.0"}
    found = set(os.listdir(str(play.directory)))
    assert found == dumped | {".waggle-pid", ".waggle-status", "MULTI__TIME"}
    assert set(os.listdir(str(play.directory / "MULTI__TIME"))) == dumped


def test_a_short_script_is_dumped_at_its_end(play):
    """Once, however long the interval is."""
    assert play("pass", interval="3600", STANDIN_FINAL="no")[0] == 0
    dump = parse((play.directory / "dump.-1.0.0").read_bytes())
    assert dump == parse(read(SERIES[0]))


def test_a_dump_that_fails_is_said_once_and_costs_nothing(play):
    """The script goes on to its own end."""
    status, out, err = play("import time; time.sleep(0.3); print('done')", STANDIN_FAILS="1")
    assert (status, out) == (0, "done\n")
    assert err == "waggle-live: TAU's dump failed: no dump\n"


def test_without_taus_module_the_script_is_not_run(tmp_path):
    """The error says what can't be imported."""
    path = write_script(tmp_path, "print('ran')")
    env = environment("off", PROFILEDIR=str(tmp_path))
    env["PYTHONPATH"] = ""
    status, out, err = run_python(START, "1", path, env=env)
    assert (status, out) == (launcher.NO_TAU, "")
    assert "pytau" in err
    assert launcher.read_number(str(tmp_path), launcher.STATUS_FILE) == launcher.NO_TAU


def terminated(play, path):
    """End a script under the launcher by SIGTERM once it is up, and return its further output."""
    command = [sys.executable, START, "0.05", path]
    child = subprocess.Popen(command, env=environ(play.directory), stdout=subprocess.PIPE)
    with child:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGTERM)
        output = child.stdout.read()
        assert child.wait(20) == 143
    return output


def test_sigterm_is_a_clean_exit(play, tmp_path):
    """With blocks and atexit run, and TAU writes its last profile; the status is 143."""
    path = write_script(
        tmp_path,
        """
        import atexit, time
        atexit.register(print, "atexit")
        try:
            print("up", flush=True)
            time.sleep(30)
        finally:
            print("finally", flush=True)
        """,
    )
    assert terminated(play, path) == b"finally\natexit\n"
    assert (play.directory / "profile.-1.0.0").exists()


def test_sigterm_twice_is_one(play, tmp_path):
    """Who stops the whole group sends it here, and ``tau-run`` passes on its own: the second cuts
    nothing short. One that comes later is another."""
    path = write_script(
        tmp_path,
        """
        import os, signal, time
        while True:
            try:
                print("up", flush=True)
                time.sleep(30)
            except SystemExit:
                for _ in range(3):
                    os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(1.1)
                print("stays", flush=True)
                try:
                    os.kill(os.getpid(), signal.SIGTERM)
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)
                    print("finally", flush=True)
        """,
    )
    assert terminated(play, path) == b"stays\nfinally\n"


def test_a_forked_child_leaves_pid_and_status_alone(play):
    """It has no thread that dumps, and its exit is its own."""
    text = """
        import os, sys
        pid = os.fork()
        if pid == 0:
            sys.exit(9)
        assert os.waitpid(pid, 0)[1] == 9 << 8
        sys.exit(3)
    """
    assert play(text, STANDIN_FINAL="no")[0] == 3
    assert launcher.read_number(str(play.directory), launcher.STATUS_FILE) == 3


def test_threads_that_outlive_the_main_one_are_dumped_too(play):
    """The last dump is made once they are done."""
    text = """
        import sys, threading, time

        def work():
            time.sleep(0.5)
            open(sys.argv[1], "w").close()

        threading.Thread(target=work).start()
    """
    done, dump = play.directory / "done", play.directory / "dump.-1.0.0"
    assert play(text, str(done), interval="3600", STANDIN_FINAL="no")[0] == 0
    assert dump.stat().st_mtime_ns >= done.stat().st_mtime_ns


def test_a_module_runs_as_alone(play):
    """Its arguments and ``__main__``; the current folder leads the path."""
    text = "import sys; print(sys.argv[1:], __name__, __spec__.name, 'here' in sys.path[0])"
    folder = play.directory.parent / "here"
    folder.mkdir()
    (folder / "mine.py").write_text(text + "\nsys.exit(6)\n")
    status, out, err = run_python(
        *(START, "9", "-m", "mine", "a", "-b"),
        env=environ(play.directory, STANDIN_FINAL="no"),
        cwd=str(folder),
    )
    assert (status, out, err) == (6, "['a', '-b'] __main__ mine True\n", "")
    assert launcher.read_number(str(play.directory), launcher.STATUS_FILE) == 6


def test_variables_and_the_path_are_those_of_without_tau(play):
    """TAU's go before the script runs, in its children too; what the user set stays."""
    own = str(play.directory.parent / "own")
    plain = {"PYTHONPATH": own, "LANG": "C.UTF-8", "EMPTY": "", "LINES": "a\nb=c"}
    launcher.write_environ(str(play.directory), plain)
    status, out, _ = play(
        """
        import os, subprocess, sys
        print(sorted(os.environ.items()))
        print(subprocess.check_output([sys.executable, "-c", "import os; print(len(os.environ))"]))
        print([path for path in sys.path if "standin" in path or "start" in path])
        """,
        STANDIN_FINAL="no",
    )
    assert status == 0
    shown, children, path = out.splitlines()
    assert shown == str(sorted(plain.items()))
    assert children in ("b'4\\n'", "b'5\\n'")  # Python may set LC_CTYPE
    assert path == "[]"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="TAU sees all threads by itself")
def test_threads_are_measured_and_the_one_that_dumps_is_not(play):
    """Those of the program, those that threads start, and those that raise."""
    status, _, err = play(
        """
        import threading
        def work(deeper):
            if deeper:
                inner = threading.Thread(target=work, args=(False,), name="inner")
                inner.start()
                inner.join()
        outer = threading.Thread(target=work, args=(True,), name="outer")
        outer.start()
        outer.join()
        """,
        STANDIN_FINAL="no",
    )
    assert status == 0
    assert (err.count("measured"), err.count("left")) == (2, 2)


FORK = """
    import atexit, os, sys
    pid = os.fork()
    if pid == 0:
        atexit.register(print, "at the child's exit")
        {end}
    print("child", os.waitpid(pid, 0)[1] >> 8)
    sys.exit(3)
"""


@pytest.mark.skipif(sys.version_info < (3, 7), reason="a child can't be marked there")
@pytest.mark.parametrize(
    ("end", "status"),
    [("sys.exit(9)", 9), ("raise ValueError", 1), ("sys.exit()", 0), ("raise SystemExit('x')", 1)],
)
def test_a_forked_child_ends_with_its_own_status(play, end, status):
    """What it registered runs, and it writes no profile in its parent's name."""
    found, out, err = play(FORK.format(end=end))
    assert found == 3
    assert sorted(out.splitlines()) == ["at the child's exit", "child %d" % status]
    assert err.count("node %d" % launcher.CHILD) == 1
    assert launcher.read_number(str(play.directory), launcher.STATUS_FILE) == 3
