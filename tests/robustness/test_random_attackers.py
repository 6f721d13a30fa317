"""200 random attackers: whatever they say and do, the neighbours are exact and memory bounded.

``WAGGLE_LIVE_SEED`` makes the same ones again; ``WAGGLE_LIVE_ATTACKERS`` makes more of them.
"""

import os
import random

import pytest

from .attacks.node import Node
from .processes import MIB

pytestmark = pytest.mark.alone

ATTACKERS = int(os.environ.get("WAGGLE_LIVE_ATTACKERS", "200"))
#: As many processes make them: half of them in pods of their own.
PROCESSES = 4
SLOWEST = 2.0


def test_random_attackers_cost_the_neighbours_nothing(tmp_path):
    """From pods and from processes of the neighbours' uid, with a restart in the middle."""
    seed = os.environ.get("WAGGLE_LIVE_SEED") or str(random.SystemRandom().randrange(10**6))
    print("WAGGLE_LIVE_SEED=%s" % seed)
    each = ATTACKERS // PROCESSES // 2
    with Node(tmp_path) as node:
        for half in "first", "second":
            arguments = ("%s-%s" % (seed, half), str(each))
            attackers = [
                node.attack("anything", in_a_pod=number % 2 == 0, arguments=arguments)
                for number in range(PROCESSES)
            ]
            for attacker in attackers:
                while attacker.process.poll() is None:
                    node.check()
                    node.assert_alive(SLOWEST)
                assert attacker.process.returncode == 0
                attacker.stop()
            assert node.scraper.peak < 60 * MIB
            print(node.report("%s %d random attackers" % (half, each * PROCESSES)))
            node.restart()
        node.check()
        node.assert_alive(SLOWEST)
