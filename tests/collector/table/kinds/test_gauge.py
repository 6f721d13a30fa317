"""Gauges: the newest value of a living process, else of one that ended."""

import math

from ...world import World, gauge


def test_gauges_of_ended_sessions_give_way_to_living_ones():
    """They are shown only while no live process of the plugin has the series."""
    world = World()
    one, two = world.peer("session-1"), world.peer("session-2")
    two.update(1, gauge("g", 2, age=5.0))
    one.update(1, gauge("g", 1), gauge("only", "-Inf"))
    assert world.value("waggle_value", name="g") == 1
    one.bye()
    assert world.value("waggle_value", name="g") == 2
    assert world.value("waggle_value", name="only") == -math.inf
    two.bye()
    assert world.value("waggle_value", name="g") == 1
