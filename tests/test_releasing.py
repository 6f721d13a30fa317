"""RELEASING.md: its commands, and what they rest on."""

import configparser
import os
import re
import subprocess

import pytest
from packaging.requirements import Requirement

from . import repository
from .docs.blocks import BLOCKS
from .programs import program
from .repository import ROOT

#: Where each distribution has its version.
SOURCES = (
    "waggle_live/version.py",
    "collector/waggle_live_collector/version.py",
    "controller/waggle_live_controller/version.py",
)
#: How everything else names a version of ours.
NAMED = re.compile(
    r"waggle/wes-live-(?:metrics|controller):([\w.]+)"
    r"|image\.version=\"(.+)\""
    r"|^VERSION = \"(.+)\"",
    re.MULTILINE,
)
#: An update to the release after this one is what the page shows.
LATER = {"docs/guides/operate.md", "RELEASING.md"}


def block(words):
    """Return the block of RELEASING.md that has these words."""
    (found,) = [each for each in BLOCKS if each.is_of("RELEASING.md", words)]
    return found.text


def versions(root, names):
    """Return each version of ours that a file names, with the files that do."""
    found = {}
    for name in set(names) - LATER:
        for match in NAMED.findall((root / name).read_text(encoding="utf-8", errors="ignore")):
            found.setdefault("".join(match), set()).add(name)
    return found


def bash(text, cwd, **environment):
    """Paste commands; return what they printed."""
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text],
        cwd=cwd,
        env=dict(os.environ, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def clone(tmp_path):
    """A repository with our files as they are, committed."""
    root = tmp_path / "clone"
    for name in repository.files():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes((ROOT / name).read_bytes())
    user = "-c user.name=Tester -c user.email=tester@localhost"
    bash("git init -q && git add -A && git %s commit -qm All" % user, root)
    return root


def test_every_place_names_the_same_version():
    """Each distribution, the Dockerfiles, what deploys the images, and the pages."""
    ((_, names),) = versions(ROOT, repository.files()).items()
    assert names >= {*SOURCES, "Dockerfile.collector", "Dockerfile.controller", "compose.yaml"}
    assert any(name.startswith("deploy/") for name in names)


def test_the_collector_takes_the_client_of_its_own_release():
    """One environment never has a collector with the wire of another minor release."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "collector" / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].split("\n")[1:]
    (client,) = [one for one in map(Requirement, lines) if one.name == "waggle-live"]
    (version,) = versions(ROOT, SOURCES)
    major, minor, _ = version.split(".")
    assert client.specifier.contains(version)
    assert not client.specifier.contains("%s.%d.0" % (major, int(minor) + 1))


def test_the_commands_set_the_version_everywhere(clone):
    """After them nothing names the old one, and CHANGELOG has a section of the new one."""
    names = repository.files()
    (old,) = versions(ROOT, SOURCES)
    begin = block("old=").replace("old=0.1.0", "old=" + old).replace("new=0.2.0", "new=9.8.7")
    bash(begin + block("git grep").split("make test")[0], clone)
    assert list(versions(clone, names)) == ["9.8.7"]
    setup = (clone / "collector" / "setup.cfg").read_text(encoding="utf-8")
    assert "waggle-live~=9.8.7\n" in setup
    changes = (clone / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]\n\n## \[9\.8\.7\] - \d{4}-\d\d-\d\d\n", changes, re.M)


def test_the_commands_sign_tag_and_files(clone, tmp_path):
    """With a key made for this; a file that differs from what was signed is noticed."""
    program("gpg", "gnupg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    signing = {"GNUPGHOME": str(home), "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")}
    make = "gpg --batch --quiet --passphrase '' --quick-generate-key tester@localhost"
    bash(make, clone, **signing)
    settings = "git config --global user.name T; git config --global user.%s tester@localhost"
    for name in ("email", "signingKey"):
        bash(settings % name, clone, **signing)
    (clone / "dist" / "images").mkdir(parents=True)
    (clone / "dist" / "images" / "digests").write_text("sha256:0 collector\n")
    bash("echo wheel > a.whl && sha256sum a.whl > SHA256SUMS", clone / "dist")
    commands = block("old=") + block("git tag")
    try:
        assert "a.whl: OK" in bash(commands, clone, **signing)
        (clone / "dist" / "a.whl").write_text("another")
        with pytest.raises(AssertionError, match="whl: FAILED"):
            bash(commands.splitlines()[-1], clone)
    finally:
        bash("gpgconf --kill gpg-agent", clone, **signing)
