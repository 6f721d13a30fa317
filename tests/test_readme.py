"""The README and the other pages: what they show is there and works."""

import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")


def test_every_public_name_is_shown():
    """The README has each name of ``waggle_live.__all__``."""
    waggle_live = pytest.importorskip("waggle_live")
    assert [name for name in waggle_live.__all__ if "`%s`" % name not in README] == []


def test_every_name_of_the_controller_is_described():
    """docs/guides/reading.md has each name of ``waggle_live_controller.__all__``."""
    controller = pytest.importorskip("waggle_live_controller")
    page = ROOT.joinpath("docs", "guides", "reading.md").read_text(encoding="utf-8")
    assert [n for n in controller.__all__ if not re.search(r"`%s\b" % n, page)] == []


@pytest.mark.parametrize("number", [1, 2])
def test_examples_run(number, monkeypatch, tmp_path):
    """Each Python example of the README does what it says; tests/first_steps has the first."""
    pytest.importorskip("waggle.plugin")
    monkeypatch.setenv("PYWAGGLE_LOG_DIR", str(tmp_path))
    monkeypatch.setenv("WAGGLE_LIVE_METRICS", "off")
    monkeypatch.setattr(sys, "argv", ["main.py"])
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    seen = []
    names = {
        "camera": SimpleNamespace(stream=lambda: iter([1, 2])),
        "detect": seen.append,
        "frames": [1, 2],
        "queue": SimpleNamespace(qsize=lambda: 3),
        "torch": SimpleNamespace(cuda=SimpleNamespace(synchronize=lambda: time.sleep(0))),
    }
    exec(compile(example, "README.md", "exec"), names)
    assert seen == ([1, 2] if number == 1 else [])


def test_pages_that_are_linked_are_there():
    """Every relative link of every page of ours leads somewhere."""
    missing = []
    for page in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "bench").rglob("*.md"),
    ]:
        for link in page.read_text(encoding="utf-8").split("](")[1:]:
            target = link.split(")")[0].split("#")[0]
            if target and "://" not in target and not (page.parent / target).exists():
                missing.append("%s: %s" % (page.relative_to(ROOT), target))
    assert missing == []


def test_the_makefile_has_what_pages_tell_to_type():
    """Each ``make TARGET`` in a page is a target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
            assert re.search(r"^%s:" % target, makefile, re.MULTILINE), target
