"""``waggle-live tau-run``, against a listener that keeps what it hears.

Where these tests run a program "under TAU", a stand-in for TAU's dump call writes what TAU
once wrote (``standin/pytau.py``): they are about what is around TAU.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.waggle_live.helpers import ROOT, environment, run_python, write_script
from tests.waggle_live.listener import all_is_read
from waggle_live.__main__ import main
from waggle_live.profile.tau.commands import script_of

from .test_launcher import STANDIN

pytestmark = pytest.mark.oldest_and_newest

RUN = ("-m", "waggle_live", "tau-run", "--tau.interval=0.05", "--tau.command", sys.executable)


def environ(listener, **more):
    """Return an environment for the command: its collector is the listener."""
    env = environment("unix://" + listener.path, **more)
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(STANDIN)])
    return env


def functions(listener):
    """Return the newest state of each function, by name; None is the run's."""
    found = {}
    for update in listener.messages("update"):
        for cell in update["cells"]:
            assert cell["kind"] == ("function" if "name" in cell else "tau")
            found[cell.get("name")] = cell
    return found


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_final_profile_is_forwarded_and_the_status_passed_on(listener, tmp_path):
    """What TAU wrote at the very end arrives, then goodbye; the private directory is gone."""
    path = write_script(
        tmp_path,
        """
        import os, sys, time
        print(sorted(n for n in os.environ if n.startswith(("PROFILE", "TAU"))), sys.argv[1:])
        sys.exit(7)
        """,
    )
    status, out, err = run_python(
        *RUN, "--plugin", "p", "--", path, "a", "-b", env=environ(listener, TMPDIR=str(tmp_path))
    )
    assert (status, out, err) == (7, "[] ['a', '-b']\n", "")
    assert not list(tmp_path.glob("waggle-live-tau-*"))
    found = functions(listener)
    inference = found["inference"]
    assert (inference["calls"], inference["exclusive"]) == (20, 20192000)
    assert found["__idle__"]["exclusive"] == 36234000
    assert "inclusive" not in found["__idle__"]
    (hello,) = listener.messages("hello")
    assert (hello["plugin"], hello["start_time"]) == ("p", 1795433732.373973)
    assert listener.messages("bye")[-1]["status"] == "error"


def test_the_scripts_place_says_what_the_plugin_is(listener, tmp_path):
    """``sage.yaml`` beside it, as if it ran alone; its memory and CPU are not the forwarder's."""
    (tmp_path / "sage.yaml").write_text("name: cars\nversion: 1.2.3\n")
    path = write_script(tmp_path, "pass")
    assert run_python(*RUN, "--", path, env=environ(listener))[0] == 0
    (hello,) = listener.messages("hello")
    assert (hello["plugin"], hello["plugin_version"]) == ("cars", "1.2.3")
    assert not any(update.get("process") for update in listener.messages("update"))
    assert listener.messages("bye")[-1]["status"] == "ok"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 143),
        (signal.SIGINT, 130),
        (signal.SIGHUP, 129),
        (signal.SIGQUIT, 131),
        (signal.SIGUSR1, 138),
        (signal.SIGUSR2, 140),
    ],
)
def test_signals_are_passed_on(listener, tmp_path, number, status):
    """The script gets them; how it ends is how the command ends."""
    path = write_script(
        tmp_path,
        """
        import time
        print("up", flush=True)
        time.sleep(30)
        """,
    )
    # A session of its own, as in a container: no terminal sends signals to both.
    child = subprocess.Popen(
        [sys.executable, *RUN, "--", path],
        env=environ(listener),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with child:
        assert child.stdout.readline() == b"up\n"
        wait_for(lambda: "inference" in functions(listener))
        child.send_signal(number)
        assert child.wait(30) == status
    wait_for(all_is_read)
    assert listener.messages("bye")[-1]["status"] == "error"


def test_a_script_that_is_killed_is_no_good_end(listener, tmp_path):
    """As by the kernel, for its memory: what it dumped before is forwarded."""
    path = write_script(
        tmp_path,
        """
        import glob, os, signal, time
        while not glob.glob(os.path.join(os.environ["TMPDIR"], "*", "dump.-1.0.0")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    assert run_python(*RUN, "--", path, env=environ(listener, TMPDIR=str(tmp_path)))[0] == 137
    assert functions(listener)["inference"]["calls"] >= 5
    assert listener.messages("bye")[-1]["status"] == "error"


def test_tau_exec_is_taken_where_there_is_no_tau_python(listener, tmp_path):
    """With this Python and TAU's wrapper; a dump every two seconds unless it is told otherwise."""
    path = write_script(tmp_path, "import sys; print(sys.argv[1:]); sys.exit(4)")
    (tmp_path / "tau_python_wrapper.py").write_text(
        "import runpy, sys\ndel sys.argv[0]\nprint(sys.argv[1])\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    shell = tmp_path / "tau_exec"
    shell.write_text('#!/bin/sh\nshift 2  # tags\nexec "$@"\n')
    shell.chmod(0o755)
    env = environ(listener, PATH=str(tmp_path))
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    status, out, _ = run_python("-m", "waggle_live", "tau-run", "--", path, "a", env=env)
    assert (status, out) == (4, "2\n['a']\n")
    assert functions(listener)["inference"]["calls"] == 20


def test_a_command_between_us_and_the_script(listener, tmp_path):
    """A shell that waits for it neither keeps the signal nor loses the status."""
    path = write_script(
        tmp_path,
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        print("up", flush=True)
        time.sleep(30)
        """,
    )
    shell = tmp_path / "tau_python"
    shell.write_text('#!/bin/sh\nshift 3\n"%s" "$@"\nexit 0\n' % sys.executable)
    shell.chmod(0o755)
    env = environ(listener, PATH=str(tmp_path) + os.pathsep + os.environ["PATH"])
    command = [sys.executable, "-m", "waggle_live", "tau-run", "--", path]
    child = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    with child:
        assert child.stdout.readline() == b"up\n"
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 5


def test_a_signal_to_the_whole_group_waits_for_the_program(listener, tmp_path):
    """The shell between us and the script is gone at once, and the script ends when it is done."""
    path = write_script(
        tmp_path,
        """
        import time
        try:
            print("up", flush=True)
            time.sleep(30)
        finally:
            time.sleep(0.8)
            print("done", flush=True)
        """,
    )
    shell = tmp_path / "tau_python"
    shell.write_text('#!/bin/sh\nshift 3\n"%s" "$@"\nexit 0\n' % sys.executable)
    shell.chmod(0o755)
    env = environ(listener, PATH=str(tmp_path) + os.pathsep + os.environ["PATH"])
    command = [sys.executable, "-m", "waggle_live", "tau-run", "--", path]
    child = subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    with child:
        assert child.stdout.readline() == b"up\n"
        os.killpg(child.pid, signal.SIGTERM)
        assert child.wait(30) == 143
        assert child.stdout.read() == b"done\n"
    wait_for(all_is_read)
    assert functions(listener)["inference"]["calls"] == 20


def test_without_tau_the_error_says_where_to_read_on(tmp_path):
    """Nothing is run."""
    path = write_script(tmp_path, "print('ran')")
    env = environment("off", PATH=str(tmp_path))
    status, out, err = run_python("-m", "waggle_live", "tau-run", "--", path, env=env)
    assert (status, out) == (127, "")
    assert "tau_python" in err
    assert "docs/guides/tau.md" in err


def test_errors_of_usage(tmp_path, capsys):
    """A message that says what is wrong, and status 2."""
    path = write_script(tmp_path, "print('ran')")
    tau = ["--tau.command", sys.executable]
    assert main(["tau-run", *tau, str(tmp_path / "none.py")]) == 2
    assert "no such script" in capsys.readouterr().err
    assert main(["tau-run", *tau, "--address", "x", path]) == 2
    assert "unix:///path" in capsys.readouterr().err
    assert main(["tau-run", "--tau.command", str(tmp_path / "none"), path]) == 127
    assert "can't run" in capsys.readouterr().err
    assert main(["tau-watch", str(tmp_path / "none")]) == 2
    assert "no such directory" in capsys.readouterr().err
    for wrong in (
        ["--tau.functions=0"],
        ["--tau.functions=901"],
        ["--tau.functions=x"],
        ["--tau.include=("],
        ["--tau.interval=0"],
        ["--tau.interval=x"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(["tau-run", *wrong, path])
        assert caught.value.code == 2
        assert wrong[0].partition("=")[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "script"),
    [
        ("/usr/bin/python3.11 -m tau_python_wrapper /app/app.py a.py", "/app/app.py"),
        ("/app/sim --x", "/app/sim"),
        ("", ""),
    ],
)
def test_the_script_of_a_command_line(command, script):
    """The first file of Python, else the program."""
    assert script_of(command) == script
