"""The stories of deploy/prometheus/tests, told side by side: rules are evaluated once for many."""

import json
import re


def side_by_side(stories):
    """Return a story of all of them, each on a node of its own, and those whose words are checked.

    What takes time is each minute in which the rules are evaluated. The words of an alert are
    checked story by story, since promtool compares all alerts of one name. That ends early.
    """
    whole = {"interval": "1m", "input_series": [], "promql_expr_test": []}
    words = []
    for number, story in enumerate(stories):
        assert story["interval"] == "1m", story["name"]
        if "alert_rule_test" in story:
            words.append({key: story[key] for key in story if key != "promql_expr_test"})
        for part in ("input_series", "promql_expr_test"):
            text = json.dumps(story.get(part, []))
            text = re.sub(r"\b(w\d):9090", r"\1-%d:9090" % number, text)
            text = re.sub(r"\b(W\d+)\b", r"\1-%d" % number, text)
            text = re.sub(r'(node_id=\\"\d+)', r"\1-%d" % number, text)
            text = text.replace("ALERTS{", 'ALERTS{vsn=~\\".+-%d\\", ' % number)
            whole[part] += json.loads(text)
        for check in story.get("promql_expr_test", []):
            assert "ALERTS{" in check["expr"], check
    return [whole, *words]
