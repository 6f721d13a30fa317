"""Labels from a real Redis: early, late, evicted, restarted, stopped in its tracks, not there."""

import contextlib
import json
import socketserver
import threading
import time
import uuid

import pytest

from tests.programs import free_port

from ..harness import Client, start, wait_until
from ..patience import SAVES
from ..pod_cgroup import PodCgroup
from ..redis_server import RedisServer
from ..world import counter

RECORD = json.dumps(
    {
        "host": "000048b02d0766be.ws-nxcore",
        "job": "traffic",
        "task": "cars-north",
        "plugin": "registry.sagecontinuum.org/waggle/cars:1.2.3",
        "zone": "core",
    }
)
CARS = {
    "plugin": "registry.sagecontinuum.org/waggle/cars",
    "plugin_task": "cars-north",
    "plugin_job": "traffic",
}


@pytest.fixture()
def redis(tmp_path):
    server = RedisServer(str(tmp_path)).start()
    yield server
    server.stop()


@pytest.fixture()
def app_id():
    return str(uuid.uuid4())


def collector_of(redis, **more):
    return start(flags=["--identity.app-meta-cache=" + redis.url], **more)


def report(client, number, value):
    client.update(number, [counter("n", value)])
    assert [a["type"] for a in client.flush()] == ["applied"]


def shown(collector, **labels):
    """Return (labels, value) of the test's counter wherever it is shown; whole, or not at all."""
    return collector.scrape().all("waggle_count_total", name="n", **labels)


def results(collector):
    found = collector.scrape().all("waggle_collector_identity_lookups_total")
    return {labels["result"]: value for labels, value in found}


def test_labels_come_from_the_record(redis, app_id):
    """Whatever the plugin says of itself; version, host and zone stand in the info."""
    redis.set(app_id, RECORD)
    with collector_of(redis) as collector, Client(collector) as client:
        client.hello(app_id=app_id, plugin="victim", task="victim", job="victim")
        report(client, 1, 1)
        ((labels, value),) = wait_until(lambda: shown(collector))
        assert {**labels, **CARS} == labels
        assert value == 1
        ((info, _),) = collector.scrape().all("waggle_plugin_info")
        assert (info["app_id"], info["version"], info["zone"]) == (app_id, "1.2.3", "core")
        assert info["host"] == "000048b02d0766be.ws-nxcore"
        assert info["verified"] == "no"
        assert results(collector) == {"found": 1}


def test_a_late_record_moves_all_of_it_at_once(redis, app_id):
    """First by what the plugin says, then by the record; each scrape shows it once, none less."""
    with collector_of(redis) as collector, Client(collector) as client:
        client.hello(app_id=app_id, plugin="main")
        report(client, 1, 1)
        ((labels, _),) = wait_until(lambda: shown(collector))
        assert labels["plugin"] == "main"
        assert labels["plugin_job"] == "app_id:" + app_id
        redis.set(app_id, RECORD)
        before, number = 1, 1
        while labels["plugin"] == "main":
            number += 1
            report(client, number, number)
            ((labels, value),) = shown(collector)
            assert value >= before
            before = value
        assert {**labels, **CARS} == labels
        assert results(collector)["missing"] >= 1


def test_a_redis_that_is_restarted_in_the_middle(redis, app_id):
    """Who was known stays known, though all records are gone; newcomers get theirs after it."""
    redis.set(app_id, RECORD)
    late = str(uuid.uuid4())
    with collector_of(redis) as collector, Client(collector) as client:
        client.hello(app_id=app_id)
        report(client, 1, 1)
        wait_until(lambda: shown(collector, **CARS))
        redis.stop()
        with Client(collector) as again, Client(collector) as new:
            again.hello("session-2", app_id=app_id)
            report(again, 1, 10)
            assert [value for _, value in shown(collector, **CARS)] == [11]
            new.hello("session-3", app_id=late, plugin="new")
            report(new, 1, 100)
            wait_until(lambda: shown(collector, plugin="new"))
            redis.start()
            redis.set(late, RECORD)
            wait_until(lambda: not shown(collector, plugin="new"))
            assert [value for _, value in shown(collector)] == [111]
        wait_until(lambda: "answers again" in collector.log())


@pytest.mark.quiet
def test_a_redis_that_is_stopped_in_its_tracks_delays_nothing(redis, app_id):
    """Samples are applied and scrapes answered at their usual pace; it goes by early labels."""
    with collector_of(redis) as collector, Client(collector) as client:
        redis.freeze()
        client.hello(app_id=app_id, plugin="main")
        begin, number, slowest = time.monotonic(), 0, 0.0
        while time.monotonic() < begin + 3:
            number += 1
            before = time.monotonic()
            report(client, number, number)
            found = shown(collector)
            slowest = max(slowest, time.monotonic() - before)
        assert slowest < 0.9  # 10 ms is usual; a lookup takes 1 s until it is given up
        assert [labels["plugin"] for labels, _ in found] == ["main"]
        assert results(collector)["error"] >= 1
        redis.thaw()
        redis.set(app_id, RECORD)
        wait_until(lambda: shown(collector, **CARS))


def test_an_evicted_record_is_not_needed_again(redis, app_id):
    """Not even by a collector that was restarted with its state file."""
    redis.set(app_id, RECORD)
    with collector_of(redis, program=SAVES) as collector, Client(collector) as client:
        client.hello(app_id=app_id)
        report(client, 1, 1)
        wait_until(lambda: shown(collector, **CARS))
        redis.ask("DEL", "app-meta." + app_id)
        collector.kill()
        collector.start(wait_ready=False)
        with Client(collector) as other:
            other.hello("session-2", app_id=app_id)
            report(other, 1, 10)
            collector.wait_ready()
            assert [value for _, value in shown(collector, **CARS)] == [11]


def test_bad_records_are_no_labels(redis, app_id):
    """They are counted and logged once; one that is mended counts."""
    with collector_of(redis) as collector, Client(collector) as client:
        redis.set(app_id, '{"job": 7}')
        client.hello(app_id=app_id, plugin="main")
        report(client, 1, 1)
        wait_until(lambda: results(collector).get("bad", 0) >= 2)
        redis.set(app_id, RECORD)
        wait_until(lambda: shown(collector, **CARS))
        collector.stop()  # then all of its lines are written
        assert collector.log().count("bad record") == 1


def test_the_address_may_name_a_database(redis, app_id):
    """As ``?db=2``, which is one of the forms that Redis clients take."""
    redis.set(app_id, RECORD, database=2)
    flags = [f"--identity.app-meta-cache={redis.url}?db=2"]
    with start(flags=flags) as collector, Client(collector) as client:
        client.hello(app_id=app_id)
        report(client, 1, 1)
        wait_until(lambda: shown(collector, **CARS))


WRONG = {
    b"-WRONGPASS invalid username-password pair": "invalid username-password pair",
    b"-NOAUTH Authentication required.": "Authentication required",
    b"-ERR DB index is out of range": "DB index is out of range",
    b"-WRONGTYPE Operation against a key": "WRONGTYPE",
    b"-LOADING Redis is loading the dataset": "loading the dataset",
    b"-READONLY You can't write": "can't write",
    b"-MOVED 866 10.0.0.1:6379": "866 10.0.0.1:6379",
    b"-MASTERDOWN Link with MASTER is down": "Link with MASTER is down",
    b"not of Redis at all": "",
}


def test_each_reason_is_said_once_and_that_it_is_over(app_id):
    """Whatever Redis says, and that it says nothing; not each time that it says so."""
    said, asked = [b"$-1"], []

    class Answer(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                asked.append(line)
                if line.strip() == b"MGET":
                    self.wfile.write(b"*1\r\n$-1\r\n" if said[0] == b"$-1" else said[0] + b"\r\n")
                elif line.strip() == b"SETINFO":
                    self.wfile.write(b"+OK\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "redis://127.0.0.1:%d" % server.server_address[1]
        with start(flags=["--identity.app-meta-cache=" + url]) as collector:
            for number, (answer, text) in enumerate(WRONG.items(), 1):
                said[0] = answer
                with Client(collector) as client:
                    client.hello("session-%d" % number, app_id=app_id)
                    wait_until(lambda number=number: collector.log().count("no answer") == number)
                    assert text in collector.log()
                    said[0] = b"$-1"
                    wait_until(
                        lambda number=number: collector.log().count("answers again") == number
                    )
        server.shutdown()


def test_real_faults_of_a_real_redis_are_said(redis, app_id):
    """A password that is asked for, or wrong; a database that is not there."""
    assert redis.ask("CONFIG", "SET", "requirepass", "secret") == b"+OK\r\n"
    urls = {
        redis.url: "Authentication required",
        redis.url.replace("//", "//:wrong@"): "invalid username-password pair",
        redis.url.replace("//", "//:secret@") + "/99": "DB index is out of range",
    }
    for url, text in urls.items():
        with start(flags=["--identity.app-meta-cache=" + url]) as collector:
            with Client(collector) as client:
                client.hello(app_id=app_id)
                wait_until(lambda: "no answer" in collector.log())
            assert text in collector.log()
            assert "wrong@" not in collector.log()


def test_a_stranger_who_invents_a_thousand_pods_delays_no_real_one(redis):
    """From a real Redis, in the time that it takes without the stranger, almost."""
    roomy = "Limits(memory=400 << 20, process_pace=(2000, 2000.0))"
    with contextlib.ExitStack() as stack, PodCgroup() as pod:
        collector = stack.enter_context(collector_of(redis, limits=roomy))
        for number in range(1000):
            client = stack.enter_context(Client(collector))
            client.send(
                {
                    "type": "hello",
                    "version": 1,
                    "session": f"session-{number}",
                    "key": "key-of-the-session",
                    "app_id": str(uuid.uuid4()),
                }
            )
        wait_until(lambda: collector.value("waggle_collector_identity_unresolved") == 1000)
        redis.set(pod.uid, RECORD)
        real = pod.speaker(collector)
        hello = {"type": "hello", "version": 1, "session": "session-real", "key": "key-of-it"}
        begin = time.monotonic()
        real.stdin.write(json.dumps(hello).encode() + b"\n")
        real.stdin.flush()
        wait_until(lambda: collector.scrape().all("waggle_plugin_up", **CARS))
        assert time.monotonic() - begin < 10  # 0.1 s is usual
        real.stdin.close()
        real.stdout.close()
        real.wait(30)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_redis_that_is_not_there(host, app_id):
    """Is logged once, without its password; everything else goes on, and the end is quick."""
    port = free_port()
    url = f"redis://:secret@{host}:{port}"
    with start(flags=["--identity.app-meta-cache=" + url]) as collector:
        with Client(collector) as client:
            client.hello(app_id=app_id, plugin="main")
            report(client, 1, 1)
            wait_until(lambda: shown(collector, plugin="main"))
        said = f"no answer from the app-meta cache at {host}:{port}"
        wait_until(lambda: said in collector.log())
        begin = time.monotonic()
        assert collector.terminate() == 0
        assert time.monotonic() - begin < 10  # 1 s is usual
        assert collector.log().count(said) == 1
        assert "secret" not in collector.log()
