"""Peers that are missing: installed where that can be done, else named."""

import os
import stat

import pytest

from bench import packages

APT = """#!/bin/sh
echo "$@" >> "$0.log"
[ "$1" = update ] || {result}
"""


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """The only program on the path: an apt-get that installs nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    def make(result):
        path = tmp_path / "apt-get"
        path.write_text(APT.replace("{result}", result))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path.with_name("apt-get.log")

    return make


def test_all_that_is_missing_is_installed_at_once(apt):
    """Root on Debian gets the packages of all programs that aren't there."""
    log = apt("exit 0")
    packages.install()
    (line,) = log.read_text().splitlines()
    assert line.startswith("install ")
    assert set(packages.PACKAGES.values()) <= set(line.split())


def test_a_package_that_is_not_to_be_had_costs_no_other(apt):
    """If all of them can't be installed, each is tried after a new list of packages."""
    log = apt("exit 100")
    packages.install()
    first, update, *rest = log.read_text().splitlines()
    assert "install" in first
    assert update.startswith("update")
    assert len(rest) == len(packages.PACKAGES)


def test_who_is_not_root_installs_nothing(apt, monkeypatch):
    """Others only read on the page what is missing."""
    log = apt("exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    packages.install()
    assert not log.exists()
    assert set(packages.missing()) == set(packages.PACKAGES)
