"""What the checked-in dashboards ask and show, for a server that has no Grafana."""

import json
import math
import re

#: What Grafana puts in place of its variables.
VARIABLES = {
    **dict.fromkeys(("vsn", "plugin", "job", "task", "name"), ".*"),
    "quantile": "0.95",
    "most": "20",
    "__rate_interval": "4s",
    "__range": "60s",
}


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


def everything(expression, **chosen):
    """Return an expression of a panel with all values of its variables, or those ``chosen``."""
    values = {**VARIABLES, **chosen}
    return re.sub(r"\$(\w+)", lambda found: values[found.group(1)], expression)


def has_data(server, expression):
    """Whether a server has a number, or a histogram, for an expression."""
    results = server.query(expression)
    return any(
        "histogram" in result or not math.isnan(float(result["value"][1])) for result in results
    )


def legend(panel, target, labels):
    """Return the name that Grafana shows for a series."""
    labels = {name: value for name, value in labels.items() if name != "__name__"}
    if target["legendFormat"] != "__auto":
        return re.sub(
            r"{{(\w+)}}", lambda found: labels.get(found.group(1), ""), target["legendFormat"]
        )
    shown = "{%s}" % ", ".join('%s="%s"' % each for each in sorted(labels.items()))
    for transformation in panel["transformations"]:
        assert transformation["id"] == "renameByRegex"
        regex, replacement = (transformation["options"][key] for key in ("regex", "renamePattern"))
        everywhere = re.fullmatch("/(.*)/g", regex)
        pattern = everywhere.group(1) if everywhere else regex
        replacement = re.sub(r"\$(\d)", r"\\\1", replacement)
        shown = re.sub(pattern, replacement, shown, count=0 if everywhere else 1)
    return shown
