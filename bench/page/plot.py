"""The picture: what a sample costs, by library, on a logarithmic scale."""

from pathlib import Path
from typing import Any, Dict, List


def write(rows: List[Dict[str, Any]], path: Path) -> None:
    """Draw CPU and wall time of each subject that times a block or call, as multiples of floor."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    wanted = ("block", "call", "pair")
    calls = [row for row in rows if row["case"] == "call" and row["group"] in wanted]
    calls = sorted((row for row in calls if "wall" in row), key=lambda row: -row["process_cpu"])
    figure, axes = pyplot.subplots(figsize=(9, 0.36 * len(calls) + 1.4))
    for place, row in enumerate(calls):
        ours = row["subject"].startswith("ours")
        color = "#1b7f5c" if ours else "#8a8f98"
        axes.barh(place, row["process_cpu"], color=color, height=0.62)
        axes.plot(row["wall"], place, "|", color="black", markersize=11, markeredgewidth=1.6)
        axes.text(
            max(row["process_cpu"], row["wall"]) * 1.06,
            place,
            "%.1f" % row["process_cpu"],
            va="center",
            fontsize=8.5,
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(calls)), [row["subject"] for row in calls], fontsize=8.5)
    axes.set_xscale("log")
    axes.set_xlim(0.9, max(row["wall"] for row in calls) * 2)
    axes.set_xlabel(
        "CPU of the whole process for one sample, × floor (bar and number); | wall time of the call"
    )
    axes.set_title("What timing one empty block costs a plugin", loc="left", fontsize=11)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
