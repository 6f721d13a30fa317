"""What pywaggle's own users rely on: run by pytest with any Plugin, ours among them.

The environment says where the broker is, whose Plugin it must be (``WAY``) and which pywaggle.
"""

import contextlib
import json
import os
import time
from decimal import Decimal

import pika
import pytest
import wagglemsg
from waggle.plugin import Plugin, PluginConfig, Uploader, get_timestamp

STAMP = 1700000000123456789
IS_OLDEST = bool(os.environ.get("OLDEST"))
since_054 = pytest.mark.skipif(IS_OLDEST, reason="came with pywaggle 0.53 or later")
NOBODY = PluginConfig("plugin", "plugin", "127.0.0.1", 9, "pod")


@pytest.fixture
def channel():
    """A service of the node, which reads what plugins publish."""
    credentials = pika.PlainCredentials("service", "service")
    port = int(os.environ["WAGGLE_PLUGIN_PORT"])
    parameters = pika.ConnectionParameters("127.0.0.1", port, credentials=credentials)
    with pika.BlockingConnection(parameters) as connection:
        opened = connection.channel()
        opened.queue_purge("to-validator")
        yield opened


def taken(channel, number):
    """Return so many messages as (scope, message, properties)."""
    found = []
    deadline = time.monotonic() + 30
    while len(found) < number and time.monotonic() < deadline:
        method, properties, body = channel.basic_get("to-validator", auto_ack=True)
        if method is not None:
            found.append((method.routing_key, wagglemsg.load(body), properties))
    return found


def queued(plugin):
    """Return what a plugin that nobody serves has still to send."""
    return [wagglemsg.load(plugin.send.get_nowait().body) for _ in range(plugin.send.qsize())]


def test_whose_it_is():
    """The Plugin is the one that this run is about."""
    import waggle_live

    is_ours = issubclass(Plugin, waggle_live.Plugin)
    assert is_ours == (os.environ["WAY"] != "plain")


@pytest.mark.parametrize("name", ["a", "env.temperature", "x_1.y_2", "9", "a" * 128])
def test_names(name):
    """Lower-case words, digits and underscores, joined by dots."""
    plugin = Plugin(NOBODY)
    plugin.tasks.append(None)
    plugin.publish(name, 1)
    assert [message.name for message in queued(plugin)] == [name]


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "a-b", "a..b", ".a", "a.", "\u00e9", "a" * 129, "upload", 5, None]
)
def test_wrong_names(name):
    """Anything else is refused at the call, and nothing is sent."""
    plugin = Plugin(NOBODY)
    plugin.tasks.append(None)
    with pytest.raises((ValueError, TypeError), match=r"publish|reserved"):
        plugin.publish(name, 1)
    assert queued(plugin) == []


@since_054
@pytest.mark.parametrize("value", [None, [], {}, b"x", 1j, Decimal(1)])
def test_wrong_values(value):
    """A value is an int, a float or a str."""
    plugin = Plugin(NOBODY)
    plugin.tasks.append(None)
    with pytest.raises(TypeError, match="int, float or str"):
        plugin.publish("a", value)


@since_054
@pytest.mark.parametrize(
    "more", [{"meta": {"a": 1}}, {"timestamp": 1.5}, {"timestamp": 1700000000}]
)
def test_wrong_meta_and_timestamps(more):
    """Meta holds texts; a timestamp is whole nanoseconds."""
    plugin = Plugin(NOBODY)
    plugin.tasks.append(None)
    with pytest.raises((TypeError, ValueError), match=r"Meta|Timestamp"):
        plugin.publish("a", 1, **more)


def test_publish(channel):
    """Values of each type, scope, meta and timestamp are at the broker once the block is left."""
    with Plugin() as plugin:
        plugin.publish("number", 3, timestamp=STAMP)
        plugin.publish("ratio", 0.5, {"camera": "top"}, STAMP)
        plugin.publish("text", "\u00e9", timestamp=STAMP, scope="node")
        before = get_timestamp()
        plugin.publish("now", 1)
    found = taken(channel, 4)
    assert [scope for scope, _, _ in found] == ["all", "all", "node", "all"]
    assert [message for _, message, _ in found[:3]] == [
        wagglemsg.Message("number", 3, STAMP, {}),
        wagglemsg.Message("ratio", 0.5, STAMP, {"camera": "top"}),
        wagglemsg.Message("text", "\u00e9", STAMP, {}),
    ]
    assert before <= found[3][1].timestamp <= get_timestamp()
    assert {properties.app_id for _, _, properties in found} == {os.environ["WAGGLE_APP_ID"]}


def test_timeit(channel):
    """A block's nanoseconds are published; those of one that raises are not."""
    with Plugin() as plugin:
        begin = time.perf_counter()
        with plugin.timeit("plugin.duration.block"):
            time.sleep(0.01)
        longest = time.perf_counter() - begin
        with pytest.raises(KeyError), plugin.timeit("plugin.duration.failed"):
            raise KeyError
    ((_, message, _),) = taken(channel, 1)
    assert (message.name, type(message.value)) == ("plugin.duration.block", int)
    assert 0.01e9 <= message.value <= longest * 1e9


@pytest.mark.skipif(IS_OLDEST, reason="there get() never returns what is subscribed to")
def test_subscribe_and_get(channel):
    """What others publish under a topic is got, in order; else TimeoutError."""
    sent = [wagglemsg.Message("env.heat", value, STAMP + value, {}) for value in range(3)]
    with Plugin() as plugin:
        with pytest.raises(TimeoutError):
            plugin.get(timeout=0)
        plugin.subscribe("env.#", "other")
        got = []
        deadline = time.monotonic() + 30
        while not got and time.monotonic() < deadline:  # until it listens
            channel.basic_publish("data.topic", "env.probe", wagglemsg.dump(sent[0]))
            with contextlib.suppress(TimeoutError):
                got.append(plugin.get(timeout=0.1))
        while len(got) < 100 and sent[-1] not in got:
            for message in sent[1:]:
                channel.basic_publish("data.topic", "env.heat", wagglemsg.dump(message))
            channel.basic_publish("data.topic", "nobody.asked", wagglemsg.dump(sent[0]))
            got += [plugin.get(timeout=5), plugin.get(timeout=5)]
        assert [message for message in got if message != sent[0]][:2] == sent[1:]


@pytest.mark.parametrize("keep", [True, False])
def test_upload(channel, tmp_path, keep):
    """A file is staged with its meta, and moved unless it is kept; a record tells of it."""
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"jpeg")
    with Plugin(uploader=Uploader(tmp_path / "uploads")) as plugin:
        plugin.upload_file(picture, meta={"camera": "top"}, timestamp=STAMP, keep=keep)
        with pytest.raises(FileNotFoundError):
            plugin.upload_file(tmp_path / "none")
    assert picture.exists() == keep
    (directory,) = (tmp_path / "uploads").iterdir()
    assert (directory / "data").read_bytes() == b"jpeg"
    meta = json.loads((directory / "meta").read_text())
    assert meta["labels"] == {"camera": "top", "filename": "picture.jpg"}
    assert meta["timestamp"] == STAMP
    ((_, message, _),) = taken(channel, 1)
    assert (message.name, message.value, message.meta) == ("upload", directory.name, meta["labels"])


@pytest.mark.parametrize("variable", [None, "WAGGLE_PLUGIN_UPLOAD_PATH"])
def test_where_uploads_go(monkeypatch, tmp_path, variable):
    """To the variable's directory, else to that of the stack."""
    monkeypatch.delenv("WAGGLE_PLUGIN_UPLOAD_PATH", raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert str(Plugin(NOBODY).uploader.root) == (
        str(tmp_path) if variable else "/run/waggle/uploads"
    )


def test_outside_of_a_block():
    """Nothing is published there: since 0.55 it raises, before it waited for a block."""
    plugin = Plugin(NOBODY)
    if IS_OLDEST:
        plugin.publish("early", 1)
        assert len(queued(plugin)) == 1
    else:
        with pytest.raises(RuntimeError, match="inside a with block"):
            plugin.publish("early", 1)


@since_054
def test_log_directory(monkeypatch, tmp_path):
    """Without a stack a plugin writes to a directory: a line a record, and its uploads."""
    monkeypatch.setenv("PYWAGGLE_LOG_DIR", str(tmp_path / "log"))
    monkeypatch.delenv("WAGGLE_PLUGIN_UPLOAD_PATH", raising=False)
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(b"jpeg")
    with Plugin(NOBODY) as plugin:
        plugin.publish("a", 1, {"k": "v"}, STAMP)
        plugin.upload_file(picture, timestamp=STAMP)
    lines = (tmp_path / "log" / "data.ndjson").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert (first["name"], first["value"], first["meta"]) == ("a", 1, {"k": "v"})
    assert (second["name"], second["meta"]) == ("upload", {"filename": "picture.jpg"})
    with open(second["value"], "rb") as file:
        assert file.read() == b"jpeg"


def test_camera(tmp_path):
    """A clip's frames come in order, each with its time; a snapshot is one of them."""
    cv2 = pytest.importorskip("cv2")
    numpy = pytest.importorskip("numpy")
    from waggle.data.vision import Camera, ImageSample

    path = str(tmp_path / "clip.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for level in range(10):
        writer.write(numpy.full((48, 64, 3), level * 20, numpy.uint8))
    writer.release()
    with Camera("file://" + path) as camera:
        snapshot = camera.snapshot()
        frames = list(camera.stream())
    assert isinstance(snapshot, ImageSample)
    levels = [sample.data.mean() for sample in [snapshot, *frames]]
    assert len(levels) == 10
    assert levels == sorted(levels)
    assert all(sample.data.shape == (48, 64, 3) for sample in frames)
    stamps = [sample.timestamp for sample in frames]
    assert stamps == sorted(stamps)
