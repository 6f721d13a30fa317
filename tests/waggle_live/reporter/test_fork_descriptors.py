"""Forks: no descriptor and no lock is inherited that shouldn't be."""

from waggle_live.claim import Owner
from waggle_live.reporter import fork

from ..helpers import in_threads


def test_no_descriptor_is_inherited(listener, play_forking):
    """The parent's connection is closed in the child, also when several threads fork."""
    out = play_forking("""
        import stat
        live.counter("c").inc()
        live.flush(5)
        def sockets():
            found = []
            for fd in os.listdir("/proc/self/fd"):
                try:
                    if stat.S_ISSOCK(os.fstat(int(fd)).st_mode):
                        found.append(fd)
                except OSError:
                    pass
            return found
        assert len(sockets()) == 1
        pid = os.fork()
        if pid == 0:
            print(len(sockets()), flush=True)
            os._exit(0)
        wait(pid)
    """)
    assert out == "0\n"


def test_end_of_file_reaches_the_collector(listener, play_forking):
    """When the parent has ended, its connection ends, though a child lives on."""
    play_forking("""
        live.counter("c").inc()
        live.flush(5)
        if os.fork() == 0:
            devnull = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(devnull, fd)
            time.sleep(3)
            os._exit(0)
        os._exit(0)
    """)
    assert listener.wait_for(lambda seen: not seen._peers, timeout=2)


def test_a_child_that_execs_is_no_session(listener, play_forking):
    """fork and exec leave no trace at the collector, and no descriptor."""
    out = play_forking("""
        live.flush(5)
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                os.execv("/bin/sh", ["sh", "-c", "readlink /proc/self/fd/* | grep -c socket"])
            os.waitpid(pid, 0)
    """)
    assert out == "0\n0\n0\n"
    assert len(set(listener.sessions)) == 1


def test_a_fork_waits_for_a_socket_but_not_for_long():
    """Two forks at once, the second of which gave up waiting: it takes nothing from the first, and
    sockets can be made afterwards."""
    found = []

    def is_free():
        owner = Owner()
        found.append(fork._claim.take(owner))
        owner.is_done = True

    def fork_in_vain():
        fork._before()  # gives up after its timeout
        fork._after_in_parent()

    fork._before()
    try:
        in_threads(1, fork_in_vain)
        is_free()
    finally:
        fork._after_in_parent()
    is_free()
    assert found == [False, True]
