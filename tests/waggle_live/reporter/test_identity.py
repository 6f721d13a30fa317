"""Who a process says it is."""

import sys
from pathlib import Path

import pytest

from waggle_live.live import LiveMetrics
from waggle_live.reporter.identity import find_identity
from waggle_live.reporter.session import Session
from waggle_live.wire.errors import InvalidType


def find(plugin=None, task=None, job=None, app_id=None, **environ):
    return find_identity(plugin, task, job, app_id, environ)


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A main script in a directory of its own."""
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "counter.py"), "--x"])
    return tmp_path


def test_script_name(script):
    """With nothing else known, the plugin is called after its script."""
    assert find() == ("", "counter", "", "", "")


SAGE = """\
# comment
name: "cloud-cover"   # the name
version: 0.1.3
description: name: not this
source:
  name: nor this
  version: 9
"""


@pytest.mark.parametrize(
    "text, name, version",
    [
        (SAGE, "cloud-cover", "0.1.3"),
        (SAGE.replace("\n", "\r\n"), "cloud-cover", "0.1.3"),
        ("name: a b\nversion: '1'", "a b", "1"),
        ("name: x", "x", ""),
        ("  name: x", "counter", ""),
        ("", "counter", ""),
        ("name:\nversion: 2", "counter", "2"),
        ("name: \"a # b\" # c\nversion: '2 # 3' # c", "a # b", "2 # 3"),
        ("name: it's\nversion: a#b", "it's", "a#b"),
        ("name: 'it''s'\nversion: \"a\\\"b\\\\c\"", "it's", 'a"b\\c'),
        ("\"name\": x\n'version' : 1\n", "x", "1"),
        ("\ufeffname: x\nversion: 1", "x", "1"),
        ("---\nname:\tx\nversion:1", "x", ""),
        ("name: # none\nversion: ~", "counter", ""),
        ("name: null\nversion: >\n  1", "counter", ""),
        ("name: |\n  x\nversion: &a 1", "counter", ""),
        ('name: "x', "counter", ""),
        ("name: x\nname_of: y\nversion_of: 1", "x", ""),
    ],
)
def test_sage_yaml(script, text, name, version):
    """Name and version of the ``sage.yaml`` beside the main script; only its top level."""
    (script / "sage.yaml").write_bytes(text.encode())
    found = find()
    assert (found.plugin, found.plugin_version) == (name, version)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\0" * 100, None])
def test_unreadable_sage_yaml(script, content):
    """A sage.yaml that can't be read costs nothing."""
    if content is None:
        (script / "sage.yaml").mkdir()
    else:
        (script / "sage.yaml").write_bytes(content)
    assert find().plugin == "counter"


def test_order(script):
    """Arguments, then the environment, then sage.yaml, then the script."""
    (script / "sage.yaml").write_text("name: from-sage\nversion: 3\n")
    environ = {
        "WAGGLE_APP_ID": "uid",
        "WAGGLE_LIVE_PLUGIN": "p",
        "WAGGLE_LIVE_TASK": "t",
        "WAGGLE_LIVE_JOB": "j",
    }
    assert find() == ("", "from-sage", "3", "", "")
    assert find(**environ) == ("uid", "p", "3", "t", "j")
    assert find("P", "T", "J", "U", **environ) == ("U", "P", "3", "T", "J")


@pytest.mark.parametrize("argv", [[], [""], ["-c"], ["-m"], ["-"], None])
def test_without_a_script(monkeypatch, tmp_path, argv):
    """In an interpreter or an embedded Python there is still a name."""
    monkeypatch.chdir(tmp_path)
    if argv is None:
        monkeypatch.delattr(sys, "argv")
    else:
        monkeypatch.setattr(sys, "argv", argv)
    assert find().plugin == "python"


@pytest.mark.parametrize("launcher", ["ipykernel_launcher.py", "colab_kernel_launcher.py"])
def test_in_a_notebook(monkeypatch, tmp_path, launcher):
    """In a notebook the working directory's sage.yaml counts, not what lies beside the kernel."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["/usr/lib/python3/" + launcher, "-f", "kernel.json"])
    assert find().plugin == "python"
    (tmp_path / "sage.yaml").write_text("name: from-sage")
    assert find().plugin == "from-sage"


@pytest.mark.parametrize(
    "text, name",
    [
        ("cars\n", "cars"),
        ("  ", "counter"),
        ("a\nb", "a?b"),
        ("\x1b[31mred", "?[31mred"),
        ("caf\udce9", "caf?"),
        ("x" * 1000, "x" * 256),
    ],
)
def test_odd_variables(script, text, name):
    """Whatever an operator writes becomes one line that the wire takes; blanks are nothing."""
    assert find(WAGGLE_LIVE_PLUGIN=text).plugin == name
    found = find(WAGGLE_LIVE_TASK=text, WAGGLE_LIVE_JOB=text, WAGGLE_APP_ID=text)
    given = "" if name == "counter" else name
    assert (found.app_id, found.task, found.job) == (given,) * 3


@pytest.mark.parametrize("argv", [[b"main.py"], [Path("main.py")], [None], "", [3]])
def test_odd_arguments(monkeypatch, tmp_path, argv):
    """A plugin may put anything into sys.argv."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", argv)
    assert find().plugin == "python"


def test_bounds():
    """Long claims are cut to what the wire takes, and are valid Unicode."""
    found = find("x" * 1000, task="t" * 257, app_id="a" * 1000)
    assert [len(field) for field in found] == [256, 256, len(found.plugin_version), 256, 0]
    find("caf\udce9").plugin.encode()


@pytest.mark.parametrize("field", ["plugin_name", "task", "job"])
def test_wrong_types(field):
    """What is no str is an error at the call, which names the argument and the value."""
    with pytest.raises(InvalidType, match="%s must be a str, got 3" % field):
        LiveMetrics(address="off", **{field: 3})


def test_session(script):
    """A session has an id and a key of the wire's form, and each its own."""
    from waggle_live.wire.protocol import check_session_id, encode

    first, second = Session(find(task="t")), Session(find())
    hello = first.hello()
    assert encode(hello)
    assert check_session_id(hello["session"]) != check_session_id(hello["key"])
    assert hello["session"] != second.hello()["session"]
    assert hello["key"] != second.hello()["key"]
    assert first.hello() == hello  # the same when it reconnects
    assert (hello["plugin"], hello["task"], hello["version"]) == ("counter", "t", 1)
    first.renew()
    assert first.hello()["session"] != hello["session"]
    assert first.hello()["key"] != hello["key"]
