"""The tutorial, pasted block by block by a user without root."""

import re
import time

from .page import Page
from .user import User, eventually

#: Seconds that the machine's part of the page's 15 minutes may take: ten times those that it takes
#: on two cores.
AT_MOST = 450
ACTIVATE = ". ~/waggle-env/bin/activate\n"


class Reader:
    """Goes through the tutorial: pastes, saves and looks, as it says."""

    def __init__(self, user):
        self.page = Page("docs/tutorial.md")
        self.user = user
        self.folder = user.home / "waggle-tutorial"

    def save(self):
        """Save the next file."""
        self.user.write(self.folder, *self.page.file())

    def start(self, text=None):
        """Paste the next block into a terminal where the environment is active."""
        return self.user.start(ACTIVATE + (text or self.page.commands()), cwd=self.folder)

    def look(self):
        """Paste the next block until it prints what the page shows behind it."""
        commands, shown = ACTIVATE + self.page.commands(), self.page.shown()

        def missing():
            text = self.user.run(commands, cwd=self.folder)
            return [pattern for pattern in shown if not re.search(pattern, text)]

        eventually(lambda: not missing())

    def plugin(self):
        """Return what the page shows of the script."""
        return self.user.plugin("detect")

    def mean(self):
        """Return the mean of the timer in seconds, 0 where there is none."""
        timers = (self.plugin() or {"timers": []})["timers"]
        return next((timer["mean"] or 0 for timer in timers), 0)

    def end(self, terminal):
        """Press Ctrl-C in the terminal of the script, until the page says that it ended."""
        assert "KeyboardInterrupt" in terminal.interrupt()
        eventually(lambda: self.plugin()["state"] == "ended")


def test_the_whole_tutorial():
    """From nothing to a deadline held: each step shows what the page says one should see."""
    begin = time.monotonic()
    with User() as user:
        reader = Reader(user)
        user.run(reader.page.commands(), online=True)
        collector = reader.start()
        collector.wait_for("ready:")

        reader.save()
        script = reader.start()
        eventually(lambda: 0.1 < reader.mean() < 0.2)
        reader.look()
        reader.look()

        reader.end(script)
        reader.save()
        script = reader.start()
        reader.look()

        reader.end(script)
        script = reader.start()
        reader.look()

        reader.end(script)
        reader.save()
        script = reader.start()
        eventually(lambda: re.search(r"waggle_knob_value\{.*\} 1080", user.get("/metrics")))

        assert "Traceback" not in collector.interrupt()
        collector = reader.start()
        collector.wait_for("ready:")
        reader.save()
        dry = reader.start()
        (would_set,) = reader.page.shown()
        eventually(lambda: re.search(would_set, dry.output()))
        assert reader.mean() > 0.1
        dry.interrupt()
        controller = reader.start()
        eventually(lambda: 0.03 < reader.mean() < 0.06)
        reader.look()

        controller.interrupt()
        eventually(lambda: re.search(r"waggle_knob_value\{.*\} 1080", user.get("/metrics")))
        reader.end(script)
        assert "Traceback" not in collector.interrupt()
        user.run(reader.page.commands())
        assert not reader.folder.exists()
        assert reader.page.is_done()
    assert time.monotonic() - begin < AT_MOST
