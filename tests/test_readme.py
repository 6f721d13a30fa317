"""The README and the other pages: what they name and link is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")


def test_every_public_name_is_shown():
    """The README has each name of ``waggle_live.__all__``."""
    waggle_live = pytest.importorskip("waggle_live")
    assert [name for name in waggle_live.__all__ if "`%s`" % name not in README] == []


def anchors(page):
    """Return what links into a page may name: its headings, as GitHub makes names of them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_pages_that_are_linked_are_there():
    """Every relative link of every page of ours leads to a file, and to a heading in it."""
    missing = []
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "bench").rglob("*.md"),
        *(ROOT / "plugin-example").glob("*.md"),
    ]:
        for link in re.findall(r"\]\(([^()\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if "://" in link:
                continue
            if not target.exists() or (anchor and anchor not in anchors(target)):
                missing.append("%s: %s" % (page.relative_to(ROOT), link))
    assert missing == []


def test_no_page_has_marks_of_a_conflict():
    """A merge that was left halfway shows in none."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"^(<<<<<<<|>>>>>>>) ", text, re.MULTILINE), page


def test_the_makefile_has_what_pages_tell_to_type():
    """Each ``make TARGET`` in a page is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
            assert re.search(r"^%s:" % target, makefile, re.MULTILINE), target
