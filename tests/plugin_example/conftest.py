"""What the tests of the example plugin share: its directory, its clip, what must be installed."""

import importlib
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "plugin-example"


def skip(reason):
    """Skip the test; where everything is meant to be there (CI=true), fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def need(module, package):
    """Return the module, or skip with the name of the package that has it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        return skip("needs the package %s: %s" % (package, error))


@pytest.fixture(scope="session")
def cv2():
    """OpenCV."""
    return need("cv2", "opencv-python-headless")


def import_from(directory, name, monkeypatch):
    """Import a module of the example as its scripts do: by its bare name, from its directory."""
    monkeypatch.syspath_prepend(str(directory))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name)


@pytest.fixture
def get_clip(monkeypatch):
    """The module that fetches the clip."""
    return import_from(EXAMPLE, "get_clip", monkeypatch)


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """The clip's path; it is fetched once and kept in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "waggle-live"
    if not os.access(str(Path.home()), os.W_OK):
        cache = tmp_path_factory.mktemp("clip")
    with pytest.MonkeyPatch.context() as monkeypatch:
        module = import_from(EXAMPLE, "get_clip", monkeypatch)
        try:
            module.get_clip(cache / "bikes.mp4")
        except module.NoClip as error:
            skip("needs the clip: %s" % error)
    return cache / "bikes.mp4"
