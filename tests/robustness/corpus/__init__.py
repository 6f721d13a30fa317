"""Reads the corpus."""

import json
from pathlib import Path


def lines():
    """Return (title, bytes without newline, expected error codes or None) of each case."""
    path = Path(__file__).parent / "lines.jsonl"
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (
            case["title"],
            "".join(text * times for text, times in case["parts"]).encode("latin-1"),
            case.get("codes"),
        )
        for case in cases
    ]
