"""The fenced blocks of code in our pages."""

import re
from typing import NamedTuple

from .tables import ROOT

_FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")


class Block(NamedTuple):
    """A block: in which page, at which line, and what is written in which language."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return "%s:%d" % (self.page, self.line)

    def is_of(self, page, words):
        """Return whether it is the block of that page that has these words."""
        return self.page == page and words in self.text


def pages():
    """Return all pages that are for readers."""
    folders = ("docs", "plugin-example", "bench", "deploy", "examples", "demo")
    found = [
        *ROOT.glob("*.md"),
        *(page for each in folders for page in (ROOT / each).rglob("*.md")),
    ]
    return sorted(found)


def blocks_of(page):
    """Yield the blocks of a page; one of an item of a list without its indentation."""
    fence, lines, begun, indent = None, [], 0, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        found = _FENCE.match(line)
        if fence is None:
            if found:
                indent, fence, language = found.groups()
                lines, begun = [], number + 1
        elif found and found.group(2).startswith(fence) and not found.group(3).strip():
            name = str(page.relative_to(ROOT))
            yield Block(name, begun, language.strip(), "\n".join([*lines, ""]))
            fence = None
        else:
            lines.append(line[len(indent) :] if line.startswith(indent) else line)
    assert fence is None, "%s:%d: a block has no end" % (page, begun)


BLOCKS = [block for page in pages() for block in blocks_of(page)]


def of(*languages):
    """Return the blocks in these languages."""
    return [block for block in BLOCKS if block.language in languages]
