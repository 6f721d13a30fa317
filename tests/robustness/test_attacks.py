"""Attacks on a node of 60 MiB: it lives, answers, is exact, and says who it was."""

import os
import time

import pytest

from .attacks import ATTACKS
from .attacks.node import Node

pytestmark = pytest.mark.alone

#: Seconds that an attack goes on before and after the collector is killed; `make soak` has more.
SECONDS = float(os.environ.get("WAGGLE_LIVE_ATTACK_SECONDS", "1"))
#: Nobody waits longer for a scrape. Beside two attackers on two cores most took 0.02 to 0.2 s.
SLOWEST = 2.0
#: Against the port of HTTP; all others are against the socket.
HTTP = {
    "half_headers",
    "half_bodies",
    "silent_http",
    "silent_tls",
    "streams",
    "slow_readers",
    "guessers",
}
GUARDED = {"silent_tls", "guessers"}
#: These don't meet a bound: there is nothing to refuse.
UNNAMED = set()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """Return a node by whether it is guarded; what is left behind by its attacks adds up."""
    made = {}

    def get(guarded):
        if guarded not in made:
            made[guarded] = Node(tmp_path_factory.mktemp("node"), guarded=guarded).__enter__()
        return made[guarded]

    yield get
    for node in made.values():
        node.__exit__()


def hold_out(node, name, attackers, named=True):
    """Let them attack, kill the collector under it, and look at everything before and after."""
    time.sleep(SECONDS)
    node.check()
    for attacker in attackers:
        assert attacker.process.poll() is None, "the attack itself has failed"
        if named:
            assert any(map(node.named, attacker.principals)), "nobody says who it was"
    node.assert_alive()
    print(node.report(name))
    node.restart()
    time.sleep(SECONDS / 2)
    node.check()
    node.assert_alive()
    print(node.report(name + ", restarted"))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_costs_the_neighbours_nothing(nodes, name):
    """From a pod and from a process of the neighbours' uid at once, and over a kill -9."""
    node = nodes(name in GUARDED)
    attackers = [node.attack(name, in_a_pod=True), node.attack(name, in_a_pod=False)]
    try:
        hold_out(node, name, attackers, named=name not in UNNAMED)
    finally:
        for attacker in attackers:
            attacker.stop()
