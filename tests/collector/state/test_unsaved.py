"""What is said, and to whom, when the state file can't be written."""

from waggle_live_collector.state.writer import Writer

from .node import LATE, Node, codes, run, until
from .test_state_file import reborn


def test_an_answer_does_not_wait_where_the_file_cannot_be_written(path, patient):
    """It is tried again for each answer, and counted as failed, not as late."""

    @run
    async def _():
        node = Node(path.parent / "missing" / "state")
        for failures in range(1, 4):
            await node.state.hand_over()()
            assert node.value("waggle_collector_state_write_failures_total") == failures
        assert node.plugin.bye() == []
        await until(lambda: node.plugin.closed)
        assert codes(node.plugin) == ["not_saved"]
        assert node.value(LATE) == 0


def test_a_bye_is_saved_once_the_file_can_be_written_again(path, patient, caplog):
    """Whoever asks again is answered then, and the next hears nothing of it."""
    caplog.set_level("INFO")

    @run
    async def _():
        node = Node(path.parent / "missing" / "state")
        node.plugin.bye()
        await until(lambda: node.plugin.closed)
        node.path.parent.mkdir()
        again = node.peer(None)
        again.hello()
        again.bye()
        await until(lambda: again.answers[1:])
        assert again.answers[1:] == [{"type": "applied", "number": 2}]
        assert not again.closed
        assert "is written again" in caplog.text
        assert reborn(node, node.path).value("waggle_plugin_exits_total", status="ok") == 1


def test_a_file_that_cannot_be_written_is_complained_of_each_minute(path, caplog):
    """And at once; not at each try."""

    @run
    async def _():
        node = Node(path.parent / "missing" / "state")
        for _ in range(130):
            await node.state.hand_over()()
            node.time.pass_(1)
        assert caplog.text.count("can't write state file") == 3


def test_one_who_cannot_be_answered_keeps_no_answer_from_others(path, caplog):
    """An error of ours there is counted."""

    @run
    async def _():
        node = Node(path)
        told = []
        for call in (lambda saved: 1 / 0, told.append):
            node.state.when_saved(call)
        await until(lambda: told)
        assert told == [True]
        assert node.value("waggle_collector_errors_total", where="state") == 1
        assert "ZeroDivisionError" in caplog.text


def test_a_fault_that_nobody_thought_of_is_logged_with_its_traceback(path, patient, caplog):
    """Once; all goes on as with any file that can't be written."""

    @run
    async def _():
        node = Node(path.parent / "with a \0" / "state")
        for failures in range(1, 4):
            await node.state.hand_over()()
            assert node.value("waggle_collector_state_write_failures_total") == failures
        assert caplog.text.count("Traceback") == 1
        assert caplog.text.count("can't write state file") == 1
        assert node.value("waggle_collector_errors_total", where="state") == 3


def test_a_row_that_cannot_be_encoded_costs_the_state_and_nothing_else(path, patient, caplog):
    """Nobody waits for it; all is written once it is gone."""
    caplog.set_level("INFO")

    @run
    async def _():
        node = Node(path)
        (plugin,) = node.table.plugins.values()
        plugin.status = "\ud800"
        await node.state.hand_over()()
        node.state.tick()
        assert node.value("waggle_collector_state_write_failures_total") == 2
        assert caplog.text.count("Traceback") == 1
        assert not path.exists()
        other = node.peer("session-2", plugin="other")
        other.bye()
        await until(lambda: other.closed)
        assert codes(other) == ["not_saved"]
        node.plugin.bye()
        await until(lambda: node.plugin.answers[1:])
        await node.state.hand_over()()
        assert "is written again" in caplog.text
        assert (
            reborn(node, path).value("waggle_plugin_exits_total", status="ok", plugin="other") == 1
        )


def test_who_waits_is_told_when_the_writer_fails_to_take_a_text(path, patient, monkeypatch):
    """An error of our own there is counted, and the text is handed over again."""

    def broken(*_):
        raise MemoryError("no thread")

    @run
    async def _():
        node = Node(path)
        node.count()
        with monkeypatch.context() as patch:
            patch.setattr(Writer, "put", broken)
            node.plugin.bye()
            await until(lambda: node.plugin.closed)
        assert codes(node.plugin) == ["not_saved"]
        assert node.value("waggle_collector_errors_total", where="state") == 1
        await node.state.hand_over()()
        assert node.saved() == 1
