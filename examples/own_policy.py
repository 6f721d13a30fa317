"""A policy of one's own: a plugin with nothing in sight needs no full resolution.

Turns the knob ``resolution`` of a plugin to its cheapest value while its gauge ``cars`` is 0:

    python examples/own_policy.py http://127.0.0.1:9090 detect /path/of/the/control-token
"""

import sys
import time
from pathlib import Path

from waggle_live_controller import Entry, Leases, Node, NodeError, Snapshot


def decide(node: Node, snapshot: Snapshot, task: str) -> "list[Entry]":
    """Return all that is to be held; what is left out is at its author's default."""
    plugin = snapshot.plugins.get(task)
    knob = plugin and node.knobs().of(plugin.identity).get("resolution")
    cars = plugin and plugin.gauges.get("cars")
    if not (plugin and plugin.heard and knob and knob.choices and cars) or cars.value != 0:
        return []
    return [Entry(plugin.identity, "resolution", knob.choices[0])]


def main(url: str, task: str, token_file: str) -> None:
    token = Path(token_file).read_text(encoding="utf-8").strip()
    with Node(url, control_token=token) as node, Leases(node, "own-policy") as leases:
        while True:
            try:
                snapshot = node.poll()
                leases.hold(decide(node, snapshot, task), by=snapshot)
            except NodeError as error:  # no numbers, no decision: the leases end by themselves
                print(error, file=sys.stderr)
            time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
