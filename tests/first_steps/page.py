"""The code blocks of a page, in their order, as a reader pastes them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"\b[0-9.]+\b")


class Block(NamedTuple):
    """A block with its language, and the sentence that stands before it."""

    language: str
    text: str
    before: str


class Page:
    """Hands out the blocks of a page one by one, so that a test can't leave one out."""

    def __init__(self, name, begin="", end=None):
        text = ROOT.joinpath(name).read_text(encoding="utf-8")
        text = text[text.index(begin) :]
        text = text[: text.index(end)] if end else text
        self._blocks = [
            Block(
                match.group(2),
                re.sub("^" + match.group(1), "", match.group(3), flags=re.MULTILINE),
                text[: match.start()].rstrip().rpartition("\n\n")[2],
            )
            for match in _FENCE.finditer(text)
        ]

    def commands(self):
        """Return the next block, which is one to paste into a terminal."""
        return self._next("sh").text

    def file(self):
        """Return name and content of the next block, which a reader saves under the name before."""
        block = self._next("python", "yaml")
        return re.findall(r"as\s+`([a-z.]+)`", block.before)[-1], block.text

    def shown(self):
        """Return a pattern for each line of the next block, which shows what one should see.

        A line is looked for up to its first column, with any number in the place of a number.
        """
        lines = [line.split("  ")[0] for line in self._next("").text.splitlines()]
        return [r"[0-9.]+".join(map(re.escape, _NUMBER.split(line))) for line in lines]

    def is_done(self):
        """Return whether no block is left."""
        return not self._blocks

    def _next(self, *languages):
        block = self._blocks.pop(0)
        assert block.language in languages, block
        return block
