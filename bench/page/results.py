"""What was measured, to be found by case and subject."""

import statistics
from typing import Any, Dict, Iterable, List, Tuple

Row = Dict[str, Any]


def medians(rounds: Iterable[Row]) -> List[Row]:
    """Return one row for all rows of a case and subject: of each number its median."""
    found: Dict[Tuple[str, str], List[Row]] = {}
    for row in rounds:
        found.setdefault((row["case"], row["subject"]), []).append(row)
    merged = []
    for rows in found.values():
        row = dict(rows[0])
        for figure, value in row.items():
            if isinstance(value, float):
                row[figure] = round(statistics.median(other[figure] for other in rows), 4)
        merged.append(row)
    return merged


class Results:
    """The rows of a run, found by case and subject."""

    def __init__(self, rows: List[Row]) -> None:
        self.rows = rows

    def of(self, case: str) -> List[Row]:
        """Return the rows of a case that were measured."""
        return [row for row in self.rows if row["case"] == case and "missing" not in row]

    def one(self, case: str, subject: str, **more: Any) -> Row:
        """Return the row of a subject; an empty one if it wasn't measured."""
        for row in self.of(case):
            if row["subject"] == subject and all(row.get(k) == v for k, v in more.items()):
                return row
        return {}

    def value(self, case: str, subject: str, figure: str, **more: Any) -> float:
        """Return one figure; NaN if it wasn't measured."""
        return float(self.one(case, subject, **more).get(figure, "nan"))


def table(head: Iterable[str], lines: Iterable[Iterable[Any]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(rows + ["| " + " | ".join(map(str, line)) + " |" for line in lines]) + "\n"
