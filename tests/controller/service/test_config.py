"""The configuration: each error has its file, its line, and what would be right."""

import pytest

from waggle_live_controller.service.config import load
from waggle_live_controller.service.section import ConfigError

GOOD = """\
holder: edge
priority: 2
nodes:
  - url: http://127.0.0.1:9090
    cores: 2
  - url: http://127.0.0.1:9091
deadlines:
  - plugin_task: detect
    timer: inference
    p95_below: 0.05
    waiting: 0.01
    knobs: [resolution, model]
    priority: 5
    rate: 20
"""


def write(path, text):
    """Write the file; returns its name."""
    file = path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_a_good_file(tmp_path):
    """All that it says, and the defaults of the rest."""
    config = load(write(tmp_path, GOOD))
    assert (config.holder, config.priority, config.ttl, config.period) == ("edge", 2, 10.0, 1.0)
    assert config.listen == ":9095"
    assert [each.cores for each in config.nodes] == [2.0, None]
    (deadline,) = config.deadlines
    assert deadline.knobs == ("resolution", "model") and deadline.rate == 20.0
    assert (deadline.statistic, deadline.below, deadline.waiting) == ("p95_below", 0.05, 0.01)


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("holder: edge", "holder: No Good", 1, "a-z"),
        ("priority: 2", "priority: 10", 2, "0 to 9, not 10"),
        ("priority: 2", "priority: true", 2, "an integer, not True"),
        ("priority: 2", "ttl: 1", 2, "above 1 and at most 60, not 1"),
        ("priority: 2", "ttl: 2\nperiod: 1", 2, "three periods"),
        ("priority: 2", "listen: 9095", 2, "a text, not 9095"),
        ("priority: 2", "listen: here", 2, "host:port"),
        ("priority: 2", "listen: ':99999'", 2, "host:port"),
        ("priority: 2", "prioriti: 2", 2, "has no prioriti; there are: deadlines, holder"),
        ("priority: 2", "holder: edge", 2, "holder is there twice"),
        ("priority: 2", "priority: [", 4, ""),
        ("    cores: 2", "    cores: two", 5, "a number, not 'two'"),
        ("    cores: 2", "    cores: 0", 5, "above 0"),
        ("    cores: 2", "    cores: .nan", 5, "above 0"),
        ("    cores: 2", "    cores: " + "1" * 400, 5, "at most 4096"),
        ("timer: inference", "timer: 2026-13-45", 9, "timer can't be read"),
        ("timer: inference", "timer: !what x", 9, "timer can't be read"),
        ("    cores: 2", "    ca_file: [a]", 5, "a text, not a list or a mapping"),
        ("    cores: 2", "    control_token_file: /none/there", 5, "No such file"),
        ("    cores: 2", "    user: me", 5, "a node has no user"),
        ("9091", "9090", 4, "twice"),
        ("http://127.0.0.1:9091", "ftp://x", 6, "http://host:port"),
        ("    cores: 2\n", "", 13, "no `cores`"),
        ("    rate: 20\n", "", 8, "needs rate"),
        ("timer: inference", "timer: x\n    p50_below: 1", 10, "has no p50_below"),
        ("    timer: inference\n", "", 8, "needs timer"),
        ("p95_below: 0.05", "mean_below: 1\n    p95_below: 1", 8, "either mean_below or p95_below"),
        ("p95_below: 0.05", "p95_below: -1", 10, "above 0"),
        ("p95_below: 0.05", "p95_below: 50ms", 10, "a number, not '50ms'"),
        ("waiting: 0.01", "waiting: 0.05", 11, "waiting is less than p95_below"),
        ("[resolution, model]", "[]", 12, "isn't empty"),
        ("[resolution, model]", "resolution", 12, "a list"),
        ("[resolution, model]", "[a, a]", 12, "twice"),
        ("[resolution, model]", "[1]", 12, "a list of names, not 1"),
        (GOOD, "- a\n", 1, "a mapping"),
        (GOOD, "", 1, "a mapping"),
        (GOOD, "nodes: []", 1, "isn't empty"),
        (GOOD, "{}", 1, "needs a list of nodes"),
        (GOOD, "? [a]\n: b\n", 1, "a text"),
        (GOOD, "a: &x [*x]\n", 1, ""),
        (GOOD, "a: !!python/object:os.system x\n", 1, "needs a list of nodes"),
    ],
)
def test_a_bad_file(tmp_path, old, new, line, text):
    """The message begins with file and line, and says what would be right."""
    assert old in GOOD
    name = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load(name)
    said = str(caught.value)
    assert said.startswith("%s:%d: " % (name, line)) and text in said


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"\x00", b"[" * 5000])
def test_what_is_no_yaml(tmp_path, content):
    """Is an error with the file's name."""
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        load(str(tmp_path / "c.yaml"))


def test_a_secret_is_in_no_message(tmp_path):
    """Not even a token that can't be one."""
    (tmp_path / "token").write_text("se cret")
    text = GOOD.replace("    cores: 2", "    cores: 2\n    control_token_file: %s/token" % tmp_path)
    with pytest.raises(ConfigError, match="printable ASCII") as caught:
        load(write(tmp_path, text))
    assert "se cret" not in str(caught.value)
