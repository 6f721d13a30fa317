"""``Plugin``: pywaggle's own rules, and live metrics."""

import json
import time

import pytest
from waggle.plugin import Plugin as WagglePlugin
from waggle.plugin import PluginConfig, Uploader

from waggle_live import Plugin
from waggle_live.live import LiveMetrics

from .helpers import cells


@pytest.fixture
def make(monkeypatch, tmp_path):
    """Make a plugin of a class that writes to a directory, without a broker's threads."""
    monkeypatch.setenv("WAGGLE_LIVE_JOB", tmp_path.name)  # of its own, as in a process of its own
    made = []

    def with_directory(kind, name, **options):
        monkeypatch.setenv("PYWAGGLE_LOG_DIR", str(tmp_path / name))
        monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
        plugin = kind(**options)
        plugin.tasks.append(None)  # what a with block would put there: a publisher thread
        made.append(plugin)
        return plugin

    yield with_directory
    for plugin in made:
        plugin.file_publisher.close()


def lines(tmp_path, name):
    """Return what a plugin wrote, with times replaced by their type."""
    found = []
    for line in (tmp_path / name / "data.ndjson").read_text().splitlines():
        message = json.loads(line)
        message["timestamp"] = type(message["timestamp"])
        if message["name"] == "upload":
            message["value"] = message["value"].rsplit("-", 1)[1]
        elif "timed" in message["name"]:
            message["value"] = type(message["value"])
        found.append(message)
    return found


def uses(plugin, picture):
    """Use all of pywaggle's publishing, rightly and wrongly; yield what comes of each."""
    stamp = 1700000000000000000
    calls = [
        lambda: plugin.publish("count", 3),
        lambda: plugin.publish("a.b_c.9", 2.5, meta={"k": "v"}),
        lambda: plugin.publish(name="text", value="x", timestamp=stamp),
        lambda: plugin.publish("scoped", 1, {}, stamp, "node", None),
        lambda: plugin.publish("__odd", 1),
        lambda: plugin.publish("newline\n", 1),
        lambda: plugin.publish("Bad Name", 1),
        lambda: plugin.publish("x" * 129, 1),
        lambda: plugin.publish("upload", 1),
        lambda: plugin.publish(3, 1),
        lambda: plugin.publish("a", None),
        lambda: plugin.publish("a", [1]),
        lambda: plugin.publish("a", 1, meta={"k": 1}),
        lambda: plugin.publish("a", 1, meta="x"),
        lambda: plugin.publish("a", 1, timestamp=1.5),
        lambda: plugin.publish("a", 1, timestamp=1700000000),
        lambda: plugin.publish("a", 1, timestamp=946706400000000000),
        lambda: plugin.publish("a", 1, timestamp=946706399999999999),
        lambda: plugin.publish("a", 1, timestamp=-1),
        lambda: plugin.publish("a", 1, timestamp=0),  # pywaggle takes 0 for none
        lambda: plugin.publish("a", 1, timestamp="x"),
        lambda: plugin.publish("a", 1, timestamp=True),
        lambda: plugin.publish("a", True, meta={1: "v"}, timestamp=stamp),
        lambda: plugin.publish("a", 1, meta={"k": None}),
        lambda: plugin.publish("a", 1, meta=None),
        lambda: plugin.publish("a", 1, meta=[("k", "v")]),
        lambda: plugin.publish("a", b"bytes"),
        lambda: plugin.publish("a", 1j),
        lambda: plugin.publish("a", {}),
        lambda: plugin.publish("", 1),
        lambda: plugin.publish("a..b", 1),
        lambda: plugin.publish("x" * 128, 1),
        lambda: plugin.publish("a", 1, unknown=1),
        lambda: plugin.publish("a", 1, timeout=0.1),
        lambda: plugin.get(timeout=0),
        lambda: plugin.get(timeout=0.001),
        lambda: plugin.recv.put("a message") or plugin.get(),
        lambda: plugin.publish("a"),
        lambda: plugin.upload_file(str(picture), meta={"camera": "top"}, timestamp=stamp),
        lambda: plugin.upload_file(str(picture) + ".none"),
        lambda: timed(plugin, "timed.block"),
        lambda: timed(plugin, "timed.raising", ValueError("inside")),
        lambda: timed(plugin, "Timed Bad"),
        lambda: timed(plugin, 7),
        lambda: timed(plugin, "__timed"),
    ]
    for call in calls:
        try:
            yield call()
        except BaseException as error:
            yield type(error), str(error).replace("with_live.", "plain.")


@pytest.mark.parametrize("scalar", ["float64", "float32", "int64", "uint8", "bool_", "str_"])
def test_values_of_numpy(make, scalar):
    """NumPy's scalars are taken where pywaggle takes them, and refused where it refuses them."""
    numpy = pytest.importorskip("numpy")
    value = getattr(numpy, scalar)(1)
    seen = []
    for kind in (Plugin, WagglePlugin):
        plugin = make(kind, kind.__module__)
        try:
            plugin.publish("a", value, timestamp=1700000000000000000)
            seen.append(plugin.send.get_nowait())
        except TypeError as error:
            seen.append((type(error), str(error)))
    assert seen[0] == seen[1]


def test_uploads_of_an_uploader(make, tmp_path):
    """The caller's configuration and uploader are used as pywaggle uses them: the same files,
    the same message, the source moved unless it is to be kept; a wrong meta is refused."""
    config = PluginConfig("plugin", "plugin", "127.0.0.1", 9, "pod-1")
    seen = []
    for kind in (Plugin, WagglePlugin):
        root = tmp_path / kind.__module__
        plugin = make(kind, kind.__module__, config=config, uploader=Uploader(root / "staged"))
        assert plugin.config == config
        for keep in (True, False):
            source = tmp_path / "a.jpg"
            source.write_bytes(b"jpeg")
            plugin.upload_file(source, {"k": "v"}, timestamp=1700000000000000000, keep=keep)
            assert source.exists() == keep
        source.write_bytes(b"jpeg")
        with pytest.raises(TypeError, match="Meta must be"):
            plugin.upload_file(source, meta={"k": 1}, timestamp=1700000000000000000)
        files = [path for path in sorted((root / "staged").rglob("*")) if path.is_file()]
        sent = [plugin.send.get_nowait() for _ in range(plugin.send.qsize())]
        seen.append((sent, [(path.name, path.read_bytes()) for path in files]))
        assert len(sent) == len(files) == 2
        if kind is Plugin:
            assert cells(plugin.live)["uploads", "", ()]["value"] == 2
    assert seen[0] == seen[1]


def timed(plugin, name, error=None):
    with plugin.timeit(name):
        if error is not None:
            raise error


def test_all_rules_of_pywaggle_hold(make, tmp_path):
    """Every call has the result, the error and the output that it has with pywaggle alone."""
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"jpeg")
    ours, theirs = make(Plugin, "ours"), make(WagglePlugin, "theirs")
    seen = list(uses(ours, picture))
    assert seen == list(uses(theirs, picture))
    assert [result for result in seen if result is not None]
    assert lines(tmp_path, "ours") == lines(tmp_path, "theirs")
    assert ours.send.qsize() == theirs.send.qsize()


def test_what_is_counted(make, tmp_path):
    """Messages by name and uploads once accepted, timeit as a timer, failures included."""
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"jpeg")
    plugin = make(Plugin, "ours")
    list(uses(plugin, picture))
    found = {}
    for (kind, name, _), cell in cells(plugin.live).items():
        found[kind, name] = cell.get("count", cell.get("value"))
    assert found == {
        ("messages", "count"): 1,
        ("messages", "a.b_c.9"): 1,
        ("messages", "text"): 1,
        ("messages", "scoped"): 1,
        ("messages", "a"): 4,
        ("messages", "x" * 128): 1,
        ("messages", "timed.block"): 1,
        ("messages", "__overflow__"): 3,  # names that pywaggle takes and the wire doesn't
        ("uploads", ""): 1,
        ("timer", "timed.block"): 1,
        ("timer", "timed.raising"): 1,
    }
    assert cells(plugin.live)["timer", "timed.raising", ()]["failures"] == 1


def test_timeit_of_a_name_that_is_no_timer(make, tmp_path):
    """A name that is already something else is published as ever, and not a timer."""
    plugin = make(Plugin, "ours")
    plugin.live.gauge("timed.name").set(1)
    with plugin.timeit("timed.name"):
        time.sleep(0.01)
    assert [line["name"] for line in lines(tmp_path, "ours")] == ["timed.name"]


@pytest.mark.parametrize("kind", [Plugin, WagglePlugin])
def test_outside_of_a_with_block(kind, monkeypatch):
    """publish outside of a with block raises as pywaggle does; instruments work there."""
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    plugin = kind()
    with pytest.raises(RuntimeError, match="inside a with block"):
        plugin.publish("not.open", 1)
    with pytest.raises(RuntimeError, match="inside a with block"):
        with plugin.timeit("not.open"):
            pass
    if kind is Plugin:
        plugin.live.counter("c").inc()
        assert ("messages", "not.open", ()) not in cells(plugin.live)


def test_live_is_ours_or_the_callers(monkeypatch):
    """``live`` may be made by the caller; a bad address in the environment stops no plugin."""
    mine = LiveMetrics(address="off", task="cars")
    assert Plugin(live=mine).live is mine
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "nonsense")
    plugin = Plugin()
    plugin.live.counter("c").inc()
    assert not plugin.live.flush(0.1)


def test_app_id(listener, monkeypatch):
    """The pod uid goes into hello, from pywaggle's configuration."""
    monkeypatch.setenv("WAGGLE_APP_ID", "uid-1")
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "unix://" + listener.path)
    plugin = Plugin()
    with plugin.live:
        assert plugin.live.flush(2)
    assert listener.messages("hello")[0]["app_id"] == "uid-1"
