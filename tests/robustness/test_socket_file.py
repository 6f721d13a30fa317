"""The socket file is removed, replaced, moved away; two collectors want one path."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from tests.collector.harness import Client, CollectorProcess, wait_until

from .processes import finish, start


def steady(collector):
    """Start a plugin that records until its input ends and prints how often."""
    process = start("steady", 30, address=collector.address, stdin=subprocess.PIPE)
    wait_until(lambda: collector.value("waggle_count_total", default=0) > 0)
    return process


def assert_welcome(collector):
    """A new plugin is heard, at the latest within three seconds."""

    def is_heard():
        with contextlib.suppress(OSError), Client(collector) as late:  # its file is not all
            return late.hello(plugin="late")["type"] == "welcome"

    wait_until(is_heard, 3)


def assert_exact(collector, process):
    """End the plugin; all it recorded is counted once."""
    recorded = int(finish(process))
    assert recorded > 0
    assert collector.value("waggle_count_total") == recorded
    assert collector.scrape().sum("waggle_plugin_exits_total") == 1


@pytest.mark.quiet
def test_a_removed_socket_file_comes_back_and_nobody_is_cut_off(own_collector):
    """Who is connected goes on; within two seconds new plugins can report as well."""
    process = steady(own_collector)
    os.unlink(own_collector.socket_path)
    assert_welcome(own_collector)
    before = own_collector.value("waggle_count_total")
    wait_until(lambda: own_collector.value("waggle_count_total") > before)
    assert_exact(own_collector, process)
    assert "made again" in own_collector.log()


@pytest.mark.quiet
def test_a_moved_directory_is_made_anew_as_by_a_remount(own_collector):
    """The path leads to an empty directory: the socket appears in it, and plugins find it."""
    process = steady(own_collector)
    directory = os.path.dirname(own_collector.socket_path)
    os.rename(directory, directory + ".old")
    os.mkdir(directory)
    try:
        assert_welcome(own_collector)
        assert_exact(own_collector, process)
    finally:
        for name in os.listdir(directory + ".old"):
            os.replace(os.path.join(directory + ".old", name), os.path.join(directory, name))
        os.rmdir(directory + ".old")


def test_plugins_follow_the_file_to_the_collector_that_replaced_it(own_collector):
    """A second one at the path, with another state, after the file was removed: the first ends."""
    process = steady(own_collector)
    first, log = own_collector.process, own_collector.log_path
    second = CollectorProcess()
    second.socket_path = own_collector.socket_path
    # Stopped, for it would make the file anew before the second is there.
    own_collector.signal(signal.SIGSTOP)
    os.unlink(own_collector.socket_path)
    with second.start(wait_ready=False):
        own_collector.signal(signal.SIGCONT)
        assert first.wait(timeout=30) == 1
        with open(log, encoding="utf-8") as file:
            assert "another collector is listening on" in file.read()
        wait_until(lambda: second.get("/-/ready")[0] == 200)
        assert_exact(second, process)


def test_a_second_collector_refuses_and_says_why(own_collector):
    """Exit status 1, a message with the path, and the first is not disturbed, even stopped."""
    process = steady(own_collector)
    command = [sys.executable, "-m", "waggle_live_collector", "--web.listen-address=127.0.0.1:0"]
    command.append("--socket.path=" + own_collector.socket_path)
    for stopped in (False, True):
        if stopped:
            own_collector.signal(signal.SIGSTOP)
        done = subprocess.run(command, stderr=subprocess.PIPE, timeout=30, check=False)
        own_collector.signal(signal.SIGCONT)
        assert done.returncode == 1
        expected = "another collector is listening on " + own_collector.socket_path
        assert expected in done.stderr.decode()
    assert_exact(own_collector, process)


def test_the_socket_of_a_dead_collector_is_taken_over(own_collector):
    """Killed with -9 the file stays; the next collector and the plugin find each other."""
    process = steady(own_collector)
    own_collector.kill()
    assert os.path.exists(own_collector.socket_path)
    own_collector.start()
    assert_exact(own_collector, process)


def test_a_file_that_is_no_socket_is_left_alone(own_collector):
    """The collector says what is in its way instead of removing it."""
    own_collector.stop()
    with open(own_collector.socket_path, "w") as file:
        file.write("precious")
    command = [sys.executable, "-m", "waggle_live_collector", "--web.listen-address=127.0.0.1:0"]
    command.append("--socket.path=" + own_collector.socket_path)
    done = subprocess.run(command, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.returncode == 1
    assert "exists and is no socket" in done.stderr.decode()
    with open(own_collector.socket_path) as file:
        assert file.read() == "precious"
    os.unlink(own_collector.socket_path)
