"""The dashboard of deploy/grafana; that its queries find data is in test_fleet.py."""

import json
from itertools import combinations

from deploy.grafana import dashboard


def test_the_checked_in_dashboard_is_what_the_program_makes():
    """After a change of ``dashboard.py``: ``python -m deploy.grafana.dashboard``."""
    assert dashboard.PATH.read_text(encoding="utf-8") == dashboard.build()


def test_panels_have_ids_of_their_own_and_room():
    """No panel covers another one, and each can be linked to."""
    panels = json.loads(dashboard.build())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_a_plugin_of_one_node_is_not_mixed_with_that_of_another():
    """Every query is held to the nodes, and below them to the plugins, that were chosen."""
    panels = json.loads(dashboard.build())["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            assert 'vsn=~"$vsn"' in target["expr"], panel["title"]
            assert target["datasource"]["uid"] == "${datasource}"
