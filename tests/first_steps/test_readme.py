"""The three steps that the README begins with, pasted by a user without root."""

import re

from .page import Page
from .user import User, eventually


def test_the_three_steps():
    """Collector, script and page find each other without root and without any variable."""
    page = Page("README.md", "## Three steps", "## A demonstration")
    with User() as user:
        *install, start = page.commands().splitlines()
        user.run("\n".join(install), online=True)
        collector = user.start("\n".join([install[1], start]))
        collector.wait_for("ready: ")
        name, script = page.file()
        assert len(script.splitlines()) == 8
        user.write(user.clone, name, script)
        first = user.start(page.commands())

        def counted():
            (series,) = user.plugin("first")["timers"]
            return series["name"] == "inference" and series["count"] >= 100

        eventually(lambda: user.plugin("first"))
        eventually(counted)
        assert 10 < user.plugin("first")["rates"][0]["per_second"] <= 100
        page_itself = user.get("/")
        assert "<title>" in page_itself and user.run("curl --version")
        text = user.run(page.commands())
        for pattern in page.shown():
            assert re.search(pattern, text)
        assert page.is_done()
        first.interrupt()
        eventually(lambda: user.plugin("first")["state"] == "ended")
        assert "Traceback" not in collector.interrupt()
        assert not list((user.home / ".waggle").glob("*"))
