"""``scripts/long-sentences``: no sentence for readers is longer than 30 words."""

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "long-sentences"

#: Files that still have longer ones. Take a file out when it is done; this list ends empty.
NOT_YET = {
    "tests/vectors/README.md",
    "tests/waggle_live/run/libraries/data/README.md",
}


@pytest.fixture(scope="module")
def script():
    """The script, as a module."""
    spec = spec_from_loader("long_sentences", SourceFileLoader("long_sentences", str(SCRIPT)))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*arguments):
    """Return the exit status of the script, and the lines that it printed."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, arguments)],
        check=False,
        stdout=subprocess.PIPE,
        timeout=60,
        encoding="utf-8",
    )
    return done.returncode, done.stdout.splitlines()


def test_no_sentence_of_ours_is_long():
    """Pages and public docstrings have no sentence over 30 words."""
    _, lines = run()
    assert [line for line in lines if line.split(":")[0] not in NOT_YET] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("One two. Three four five!", [2, 3]),
        ("It takes e.g. 0.5 s, i.e. little (cf. below). Then more.", [9, 2]),
        ("It takes 5 s. Then more.", [4, 2]),
        ("A value, vs. another; J. Doe says no: one.", [9]),
        ("Type `make test && make lint` now. ``a. b``", [3, 1]),
        ("See [the long page](docs/page.md#a-b) of it. ![A picture](a.png)", [6, 2]),
        ("See [this][1] and https://example.org/a.b?c=d e.", [5]),
        ('He said **stop it.** Then (it ended.) "Well." So.', [4, 3, 1, 1]),
        ("And so on … until it ends. Or on… Then.", [6, 2, 1]),
        ("a → b — c", [3]),
        ("`a`/`b` or `c`.", [3]),
        ("Split\nin `two\nlines` here.", [4]),
    ],
)
def test_words_are_counted_as_a_reader_counts(script, text, words):
    """Abbreviations, numbers, code, links and emphasis neither end a sentence nor add words."""
    assert [count for _, count, _ in script.sentences(text)] == words


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("# Head\nText\nmore.\n\nNext.", ["Head", "Text\nmore.", "Next."]),
        ("So:\n- one\n  more\n- two\n1. three", ["So:", "one\n  more", "two", "three"]),
        ("| a | b |\n|---|:-:|\n| `x\\|y` c | d \\| e |", ["a", "b", "`x|y` c", "d | e"]),
        ("A\n```sh\nls -l\n```\nB\n~~~\n```\n~~~", ["A", "B"]),
        ("> quoted\n> text\n\n---\n<!-- not\nshown -->", ["quoted\ntext"]),
        ("Like this:\n\n    code of it\n\nAfter.", ["Like this:", "After."]),
        ("- one\n\n    its second paragraph", ["one", "    its second paragraph"]),
    ],
)
def test_headings_items_and_cells_are_units(script, text, units):
    """Each heading, item and cell is a unit of its own, and code blocks are none."""
    found = [unit.strip(" ") for _, unit in script.units(text)]
    assert [unit for unit in found if unit] == [unit.strip(" ") for unit in units]


def test_long_sentences_are_found_where_they_begin(tmp_path):
    """A page's and a public docstring's long sentence is told by its line and number of words."""
    long = "word " * 15 + "\n" + "word " * 15 + "end."
    page = tmp_path / "page.md"
    page.write_text("# Head\n\nShort.\nShort. %s\n" % long, encoding="utf-8")
    module = tmp_path / "module.py"
    module.write_text(
        '"""Short.\n\n%s"""\n'
        'class A:\n    def b(self):\n        """Short. %s"""\n'
        '    def _c(self):\n        """%s"""\n'
        'def _d():\n    """%s"""\n' % (long, long, long, long),
        encoding="utf-8",
    )
    status, lines = run(page, module)
    assert status == 1
    shown = [line.split(": word")[0] for line in lines]
    assert shown == [
        "%s:4: 31 words" % page,
        "%s:3: 31 words" % module,
        "%s:7: 31 words" % module,
    ]
    page.write_text("Short.", encoding="utf-8")
    assert run(page) == (0, [])
