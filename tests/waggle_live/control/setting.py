"""What the tests of knobs share: a listener that gives leases."""

import time

from ..helpers import until


def lease(name, value, seconds=30, revision=1):
    """Return an entry of a ``set``."""
    return {"name": name, "value": value, "seconds": seconds, "revision": revision}


def give(listener, *leases, **more):
    """Say a ``set`` with these leases to everybody who is connected."""
    listener.say(dict({"type": "set", "number": 1, "knobs": list(leases)}, **more))


def run_out(knob):
    """Let the time of a knob's lease be over; one of a moment could end before a test sees it."""
    knob.until = time.monotonic()


def shout(listener, data):
    """Send bytes to everybody who is connected."""
    for peer in list(listener._peers):
        peer.sendall(data)


def told(listener):
    """Return the knobs that were told last, by name; none before."""
    messages = listener.messages("knobs")
    return {entry["name"]: entry for entry in messages[-1]["knobs"]} if messages else {}


def wait_told(listener, name, **fields):
    """Wait until a knob is told with these fields, and return its entry."""

    def found():
        entry = told(listener).get(name)
        same = entry and all(entry.get(field) == value for field, value in fields.items())
        return entry if same else None

    return until(found)
