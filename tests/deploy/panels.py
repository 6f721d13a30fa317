"""What the checked-in dashboards ask, for a server that has no Grafana."""

import json
import math
import re


def queries(path):
    """Return title and PromQL of each panel and variable of a dashboard, for all that there is."""
    board = json.loads(path.read_text(encoding="utf-8"))
    asked = [
        (panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", [])
    ]
    for choice in board["templating"]["list"]:
        if choice["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", choice["query"]).groups()
            asked.append((choice["name"], "group by (%s) (%s) != 0" % (label, series)))
    return [(title, everything(expression)) for title, expression in asked]


def everything(expression):
    """Return an expression of a panel with all values of its variables."""
    expression = re.sub(r"\$(vsn|plugin|task|name)\b", ".*", expression)
    expression = expression.replace("$__rate_interval", "4s")
    assert "$" not in expression
    return expression


def has_data(server, expression):
    """Whether a server has a number, or a histogram, for an expression."""
    results = server.query(expression)
    return any(
        "histogram" in result or not math.isnan(float(result["value"][1])) for result in results
    )
