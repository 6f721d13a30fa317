"""Count what moves before a camera: an example of a Waggle plugin with live metrics.

It plays a clip over and over as if it were a camera, or takes a real one. Each kind of live
instrument stands in `watch` once, with a comment; the rest is what any plugin does.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import cv2
from movers import MoverCounter
from waggle.data.vision import Camera

from waggle_live import GAUGE, RATE, TIMER, Plugin

RESOLUTIONS = [160, 320, 640]
CLIP = Path(__file__).resolve().parent / "bikes.mp4"


def watch(plugin, samples, args):
    """Count the movers in each sample, and publish the count now and then."""
    live = plugin.live
    movers = MoverCounter()
    presence = None
    publish_at = 0.0

    # Declared: these stand at zero from the start, before there is anything to tell.
    live.declare(fps=RATE, inference=TIMER, movers=GAUGE)

    # A knob: what a controller may set while the plugin runs. The cheapest choice stands first.
    resolution = live.knob(
        "resolution", default=args.resolution, choices=RESOLUTIONS, cost=[1, 2.5, 15]
    )

    # A timer as a decorator: how long each call takes.
    @live.timer("inference")
    def find(image):
        return movers.find(image, resolution.value)

    # A rate with a limit: how many items a second go by, and a knob that may slow that down.
    for sample in live.pace("fps", samples, low=1):
        count = len(find(sample.data))

        # A gauge: a value as it is now.
        live.gauge("movers").set(count)

        # A counter: how often, since the start. A keyword is a label, here with two values.
        live.counter("frames", moving="yes" if count else "no").inc()

        # A timer as a span, for what begins in one place and ends in another:
        # how long something kept moving until all was still again.
        if count and presence is None:
            presence = live.timer("presence").start()
        elif presence is not None and not count:
            presence.stop()
            presence = None

        if time.monotonic() >= publish_at:
            publish_at = time.monotonic() + args.publish_every
            # A timer as a context manager: how long the block takes.
            with live.timer("publish"):
                plugin.publish("env.count.mover", count, timestamp=sample.timestamp)


def samples_of(source, args, signals):
    """Yield samples until a signal comes or enough were had; a clip begins again at its end."""
    period = 1 / args.fps if args.fps > 0 else 0
    number = 0
    start = due = time.monotonic()
    while not signals:
        number_before = number
        with Camera(source) as camera:
            for sample in camera.stream():
                yield sample
                number += 1
                due = max(due + period, time.monotonic())
                if signals or number == args.frames or due - start >= args.seconds:
                    return
                time.sleep(max(0, due - time.monotonic()))
        if number == number_before:
            raise RuntimeError("no frame could be read from %s" % source)


def catch_signals():
    """Return a list that is empty until SIGINT or SIGTERM comes; a second one ends us at once.

    No exception, since Camera.stream() swallows each one, KeyboardInterrupt too; and no
    threading.Event, since a handler that sets the one being waited for can deadlock.
    """
    signals = []

    def handle(signum, frame):
        signals.append(signum)
        signal.signal(signum, signal.SIG_DFL)

    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, handle)
    return signals


def parse_args(argv):
    """Return the options of the command line, or end with what is wrong with them."""
    parser = argparse.ArgumentParser(description="Count what moves before a camera.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--clip", type=Path, default=CLIP, help="video file, played for ever")
    source.add_argument("--camera", help="instead of a clip: a camera's name on the node, or URL")
    parser.add_argument(
        "--fps", type=float, default=25, help="at most so many frames a second; 0: no limit"
    )
    parser.add_argument(
        "--resolution", type=int, choices=RESOLUTIONS, default=320, help="pixels across"
    )
    parser.add_argument(
        "--publish-every", type=float, default=1, metavar="SECONDS", help="default: %(default)s"
    )
    parser.add_argument("--frames", type=int, help="end after so many frames")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the plugin; return the message to end with, or None when all went well."""
    args = parse_args(argv)
    if args.camera is None and not args.clip.is_file():
        return (
            "There is no clip at %s. Fetch the example's with 'python3 %s', "
            "or name another with --clip FILE, or a camera with --camera NAME."
            % (args.clip.absolute(), CLIP.parent / "get_clip.py")
        )
    source = args.camera or "file://%s" % args.clip.absolute()
    signals = catch_signals()
    # A node's cores are for all of its plugins; one is plenty here.
    cv2.setNumThreads(1)
    with Plugin() as plugin:
        watch(plugin, samples_of(source, args, signals), args)
    return None


if __name__ == "__main__":
    sys.exit(main())
