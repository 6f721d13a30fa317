"""An edge controller: holds each plugin's latency and frame rate against a deadline.

Each second it asks a node how its plugins are, and says which of them to give more of the machine,
which to throttle, and why. A frame must be done within the deadline, and so often must one come:
with 50 ms an average of at most 50 ms, and at least 20 frames a second. Beside `make demo`:

    python examples/edge_controller.py --deadline 0.05
"""

import argparse
import contextlib
import sys
import time
from typing import Dict, List, NamedTuple, Optional

from waggle_live_controller import Node, NodeError, PluginReading

#: So much of the deadline, and of the frame rate it asks for, is a margin that nobody needs.
IDLE_BELOW, FAST_ABOVE = 0.5, 1.1
#: From this share of its time in the timed block on, a plugin has none left for more frames.
BUSY_ABOVE = 0.8


class Advice(NamedTuple):
    """What to do with a plugin, and why."""

    action: str
    reason: str


def judge(plugin: PluginReading, timer: str, rate: str, deadline: float) -> Advice:
    """Return what to do with a plugin, by what it did in the last 10 s."""
    if plugin.state == "ended":
        return Advice("let go", "it has ended")
    if timer not in plugin.timers or rate not in plugin.rates:
        return Advice("leave", "it has no timer %s and rate %s" % (timer, rate))
    latency, frames = plugin.timers[timer].mean, plugin.rates[rate].per_second
    if frames is None:
        return Advice("look at", "nothing was heard of it for %.0f s" % (plugin.silent or 0))
    if latency is None or frames == 0:
        return Advice("look at", "it is up, but did no frame in the last 10 s")
    return hold(latency, frames, deadline)


def hold(latency: float, frames: float, deadline: float) -> Advice:
    """Return what figures (s, 1/s) that were really measured mean for a deadline."""
    needed = 1 / deadline
    figures = "%.1f ms a frame, %.1f frames/s" % (latency * 1e3, frames)
    if latency > deadline:
        return Advice("give more", "%s: over the deadline of %.1f ms" % (figures, deadline * 1e3))
    if frames < needed and latency * frames > BUSY_ABOVE:
        return Advice("give more", "%s: busy, and %.1f are needed" % (figures, needed))
    if frames < needed:
        return Advice("leave", "%s: %.1f are needed, but its input is slow" % (figures, needed))
    if latency < IDLE_BELOW * deadline and frames > FAST_ABOVE * needed:
        return Advice("throttle", "%s: %.1f would do" % (figures, needed))
    return Advice("leave", "%s: within the deadline" % figures)


class Controller:
    """Decides for the plugins of one node, and says what has changed."""

    def __init__(self, node: Node, options: argparse.Namespace) -> None:
        self._node = node
        self._options = options
        self._said: Dict[str, str] = {}

    def step(self) -> None:
        """Ask once, and act on what is answered; on no answer nothing is done."""
        try:
            snapshot = self._node.poll()
        except NodeError as error:
            self._say("the node", Advice("wait for", error.text))
            return
        self._say("the node", Advice("read", "%d plugins" % len(snapshot.plugins)))
        for key, plugin in snapshot.plugins.items():
            options = self._options
            advice = judge(plugin, options.timer, options.rate, options.deadline)
            self._act(key, plugin, advice)
        for key in set(self._said) - set(snapshot.plugins) - {"the node"}:
            del self._said[key]  # it has left, and is news when it comes again

    def _act(self, key: str, plugin: PluginReading, advice: Advice) -> None:
        """Carry out the advice. Today that is to tell a person; a way back into the plugin,
        ``plugin.identity`` by ``self._node``'s connection, would begin here."""
        self._say(key, advice)

    def _say(self, who: str, advice: Advice) -> None:
        if self._said.get(who) != advice.action:
            self._said[who] = advice.action
            print("%s  %s %s: %s" % (time.strftime("%X"), advice.action, who, advice.reason))
            sys.stdout.flush()


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:9090", help="the node")
    parser.add_argument("--deadline", type=float, required=True, help="seconds, for each frame")
    parser.add_argument("--timer", default="inference", help="what must be done by then")
    parser.add_argument("--rate", default="fps", help="what counts the frames")
    parser.add_argument("--for", dest="seconds", type=float, default=float("inf"))
    options = parser.parse_args(arguments)
    if not options.deadline > 0:
        parser.error("the deadline must be more than 0 s")
    end = time.monotonic() + options.seconds
    with Node(options.url, timeout=1.0) as node:
        controller = Controller(node, options)
        while time.monotonic() < end:
            begin = time.monotonic()
            controller.step()
            time.sleep(max(0.0, begin + 1.0 - time.monotonic()))
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
