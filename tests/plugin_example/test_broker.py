"""The example with a real broker and a real collector, as on a node."""

import os
import subprocess
import sys

import wagglemsg

from tests.collector.harness import CollectorProcess, wait_until

from .conftest import EXAMPLE


def test_the_example(broker, cv2, clip):
    """The example plugin, on its clip: a count each interval at the broker, live numbers at
    the collector, and both say the same."""
    with CollectorProcess().start() as collector:
        environ = {name: value for name, value in os.environ.items() if "WAGGLE" not in name}
        environ.update(broker.environment(WAGGLE_LIVE_METRICS=collector.address))
        command = [sys.executable, str(EXAMPLE / "main.py"), "--clip", str(clip), "--fps", "0"]
        command += ["--frames", "100", "--publish-every", "0"]
        result = subprocess.run(
            command, check=False, env=environ, capture_output=True, text=True, timeout=60
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        messages = [wagglemsg.load(message.body) for message in broker.take(100)]
        assert broker.waiting() == 0
        assert {message.name for message in messages} == {"env.count.mover"}
        counts = [message.value for message in messages]
        assert len(set(counts)) > 1
        assert sorted(message.timestamp for message in messages) == [m.timestamp for m in messages]
        ends = "waggle_plugin_exits_total"
        wait_until(lambda: collector.value(ends, default=0, status="ok") == 1)
        scrape = collector.scrape()
        assert scrape.value("waggle_plugin_messages_total", name="env.count.mover") == 100
        assert scrape.value("waggle_timer_seconds_count", name="inference") == 100
        assert scrape.value("waggle_rate_events_total", name="fps") == 100
        assert scrape.value("waggle_value", name="movers") == counts[-1]
        moving = scrape.value("waggle_count_total", name="frames", moving="yes")
        assert moving == sum(count > 0 for count in counts)
