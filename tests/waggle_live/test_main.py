"""The command: ``waggle-live run`` is the plugin's own run, with metrics."""

import os
import signal
import subprocess
import sys

import pytest

from waggle_live.__main__ import main

from .helpers import environment, run_python, write_script

pytestmark = pytest.mark.oldest_and_newest

RUN = ("-m", "waggle_live", "run")

SHOW = """
    import sys, os
    print(sys.argv[1:], __name__, os.path.basename(__file__), sys.path[0] == os.path.dirname(
        os.path.abspath(__file__)), "run/start" in "".join(sys.path), __spec__, __package__)
    print(sorted(name for name in globals()))
    sys.exit(int(os.environ.get("STATUS", "0")))
"""


def both(tmp_path, text, *arguments, **environ):
    """Return what a script does by itself and under ``waggle-live run``."""
    path = write_script(tmp_path, text)
    env = environment("off", **environ)
    direct = run_python(path, *arguments, env=env)
    return direct, run_python(*RUN, "--", path, *arguments, env=env)


@pytest.mark.parametrize(
    "arguments",
    [(), ("a", "--task", "x"), ("--", "b"), ("-h",), ("--address=no",), ("", "a b", "\u00e9")],
)
def test_arguments_and_main(tmp_path, arguments):
    """argv, ``__main__``, the path and the globals are those of a direct run."""
    direct, under = both(tmp_path, SHOW, *arguments, PYTHONIOENCODING="utf-8")
    assert under == direct
    assert direct[0] == 0


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_exit_status(tmp_path, status):
    """The exit status is the script's."""
    direct, under = both(tmp_path, SHOW, STATUS=str(status))
    assert under == direct
    assert under[0] == status


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    raise ValueError('x')\nf()\n",
        "import sys\nsys.exit('a message')\n",
        "1 +\n",
        "import no_such_module\n",
        "raise KeyboardInterrupt\n",
    ],
)
def test_tracebacks(tmp_path, text):
    """An error's traceback and status are those of a direct run, to the letter."""
    direct, under = both(tmp_path, text)
    assert under == direct
    assert direct[2]


@pytest.mark.parametrize("name", ["python_counter.py", "pythonic", "python3.py"])
def test_scripts_with_odd_names(tmp_path, name):
    """A script whose name begins like an interpreter's is still a script."""
    path = write_script(tmp_path, "print('ran')", name)
    arguments = ("--", path)
    assert run_python(*RUN, *arguments, env=environment("off")) == (0, "ran\n", "")


def test_an_interpreter_of_the_callers_choice(tmp_path):
    """``waggle-live run -- python -m module`` runs that interpreter."""
    write_script(tmp_path, "print('ran', __name__)", "some_module.py")
    env = environment("off")
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    for interpreter in (sys.executable, os.path.basename(sys.executable)):
        env["PATH"] = os.path.dirname(sys.executable) + os.pathsep + env["PATH"]
        status, out, err = run_python(*RUN, "--", interpreter, "-m", "some_module", env=env)
        assert (status, out, err) == (0, "ran __main__\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "package.part", "-m", "x"),
        ("-m", "package", "x"),
        ("package", "x"),
        ("-u", "-O", "package/part.py", "-E"),
        ("-c", "import sys; print(sys.argv)", "-I"),
        ("-W", "error", "-X", "dev", "package/part.py"),
    ],
)
def test_options_of_python(tmp_path, arguments):
    """Modules, packages and options of Python are run as this Python runs them by itself."""
    (tmp_path / "package").mkdir()
    for name in ("__init__", "__main__", "part"):
        text = "import sys; print(__name__, sys.argv, sys.path[0], sys.flags)"
        write_script(tmp_path / "package", text, name + ".py")
    env = environment("off")
    direct = run_python(*arguments, env=env, cwd=str(tmp_path))
    assert direct[0] == 0
    assert run_python(*RUN, "--", *arguments, env=env, cwd=str(tmp_path)) == direct


def test_standard_input(tmp_path):
    """``-`` is a script from standard input, as with python itself."""
    path = write_script(tmp_path, "import sys; print('ran', sys.argv)")
    with open(path) as script:
        found = run_python(*RUN, "--", "-", "x", env=environment("off"), stdin=script)
    assert found == (0, "ran ['-', 'x']\n", "")


def test_commands(listener, tmp_path):
    """A program on the PATH and an executable of another language run as they are, and each
    Python that they start is measured."""
    plugin = write_script(
        tmp_path,
        """
        from waggle.plugin import Plugin
        with Plugin().live as live:
            live.counter("runs").inc()
        """,
    )
    wrapper = write_script(tmp_path, '#!/bin/sh\nexec "$@"\n', "wrapper")
    os.chmod(wrapper, 0o755)
    env = environment("unix://" + listener.path)
    for command in (["env"], ["sh", "-c", '"$@"', "sh"], [wrapper], ["wrapper"]):
        arguments = [*RUN, "--", *command, sys.executable, plugin]
        assert run_python(*arguments, env=env, cwd=str(tmp_path)) == (0, "", ""), command
    assert listener.total("counter", "runs") == 4


@pytest.mark.parametrize("options", [("-I",), ("-uE",), ("-X", "dev", "-S"), ("-Werror", "-I")])
def test_an_isolated_python_is_named(tmp_path, options):
    """Where an option keeps us out the plugin runs all the same, and one line says so."""
    path = write_script(tmp_path, "print('ran')")
    for command in ((), (sys.executable,)):
        status, out, err = run_python(*RUN, "--", *command, *options, path, env=environment("off"))
        assert (status, out) == (0, "ran\n")
        option = "-" + options[-1][-1]
        assert err == (
            "waggle-live: python %s takes no notice of us: the plugin is not measured\n" % option
        )


@pytest.mark.parametrize("name", ["SIGKILL", "SIGABRT", "SIGINT"])
def test_an_end_by_signal(tmp_path, name):
    """Whoever waits for the plugin sees the signal that ended it."""
    text = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    path = write_script(tmp_path, text + "os.kill(os.getpid(), signal.%s)" % name)
    env = environment("off")
    env.pop("PYTHONFAULTHANDLER")
    assert run_python(*RUN, "--", path, env=env) == (-getattr(signal, name), "", "")


def test_errors_of_usage(tmp_path, monkeypatch, capsys):
    """No script, no command, a bad address, be it an option or a variable: a message and status
    2, nothing is run."""
    assert main(["run", "--", str(tmp_path / "none.py")]) == 2
    assert "no such script" in capsys.readouterr().err
    path = write_script(tmp_path, "print('ran')")
    assert main(["run", "--address", "nonsense", "--", path]) == 2
    assert "unix:///path, tcp://host:port or off" in capsys.readouterr().err
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "localhost:9090")
    assert main(["run", "--", path]) == 2
    assert capsys.readouterr().err == (
        "waggle-live: WAGGLE_LIVE_METRICS must be unix:///path, tcp://host:port or off, "
        "got 'localhost:9090'\n"
    )
    assert main([]) == 2
    assert "run" in capsys.readouterr().out
    for arguments in (["run"], ["nonsense"], ["--nonsense"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert "waggle-live " in capsys.readouterr().out


def test_options_become_the_plugins_identity(listener, tmp_path):
    """--plugin, --task, --job and --address reach the plugin through its environment."""
    path = write_script(
        tmp_path,
        """
        from waggle_live.live import LiveMetrics
        with LiveMetrics():
            pass
        """,
    )
    options = ["--plugin", "p", "--task=t", "--job", "j", "--address", "unix://" + listener.path]
    assert run_python(*RUN, *options, path, env=environment("off")) == (0, "", "")
    hello = listener.messages("hello")[0]
    assert (hello["plugin"], hello["task"], hello["job"]) == ("p", "t", "j")


def test_signals_are_the_plugins(tmp_path):
    """The plugin takes the command's process: its pid, its signals, its SIGINT."""
    path = write_script(
        tmp_path,
        """
        import os, time
        try:
            print(os.getpid(), flush=True)
            for _ in range(600):  # one long sleep is not cut short by a signal just before it
                time.sleep(0.05)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """,
    )
    child = subprocess.Popen(
        [sys.executable, *RUN, "--", path], env=environment("off"), stdout=subprocess.PIPE
    )
    with child:
        assert int(child.stdout.readline()) == child.pid
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == b"interrupted\n"
        assert child.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--profile", "main.py"], "got 'main.py'; it is written --profile=HZ, or --profile -- "),
        (
            ["--profile=201", "main.py"],
            "profile must be 0 (off) to 200 samples a second, got int: 201",
        ),
        (["--profile=5.5", "main.py"], "whole number of samples a second"),
    ],
)
def test_a_wrong_rate_is_an_error_of_usage(capsys, options, what):
    """With the rule, and with what the option looks like."""
    with pytest.raises(SystemExit) as raised:
        main(["run", *options])
    assert raised.value.code == 2
    assert what in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "rate"),
    [
        (["--profile"], "50"),
        (["--profile=120"], "120"),
        (["--profile.output=stacks"], "50"),
        (["--profile=20", "--profile.output=stacks"], "20"),
        ([], None),
    ],
)
def test_the_rate_is_handed_on(tmp_path, options, rate):
    """In the environment, to what the plugin starts as well."""
    path = write_script(tmp_path, "import os; print(os.environ.get('WAGGLE_LIVE_PROFILE'))")
    env = environment("off")
    assert run_python(*RUN, *options, "--", path, env=env, cwd=str(tmp_path)) == (
        0,
        "%s\n" % rate,
        "",
    )
