"""What the library needs of the system for itself, whatever the program has patched.

gevent and eventlet put greenlets in the place of threads, locks, sockets and ``time.sleep``.
freezegun stops clocks. Tests patch ``open``, ``os`` and ``socket.socket``, and tools wrap locks in
Python code. The sender needs the real ones: a thread of the operating system, which waits for
locks and sockets without anybody's event loop.

So all of it comes from modules in C, and stands in the attributes of a class. A global of a module
wouldn't do: freezegun replaces those. What is patched within C, as by time_machine, stays patched.
"""

import _signal  # type: ignore[import-not-found]
import _socket
import _thread
import posix
import signal
import sys
import threading
import time
from contextlib import suppress
from fcntl import ioctl
from importlib import import_module
from importlib.machinery import BuiltinImporter
from importlib.util import module_from_spec
from termios import FIONREAD
from types import BuiltinFunctionType, ModuleType
from typing import Any, Callable, Dict, List, Set


def _unpatched(module: ModuleType, *names: str) -> Any:
    """Return a module in C as it was before anybody patched one of ``names`` in it.

    gevent, eventlet, freezegun and mocks all change the module that everybody imports; a second
    copy of it, made where it is built into the interpreter, has the original functions.
    """
    spec: Any = BuiltinImporter.find_spec(module.__name__)
    found = [getattr(module, name) for name in names if hasattr(module, name)]
    if spec is None or all(_is_in_c(module, each) for each in found):
        return module
    # Before Python 3.9 a second copy is only made where the first one isn't found.
    registered = sys.modules.pop(spec.name)
    try:
        copy = module_from_spec(spec)
        spec.loader.exec_module(copy)
    finally:
        sys.modules[spec.name] = registered
    return copy


def _is_in_c(module: ModuleType, each: Any) -> bool:
    return isinstance(each, BuiltinFunctionType) or (
        isinstance(each, type) and each.__module__ == module.__name__
    )


def _find_whether_main() -> bool:
    """Tell whether this is the main interpreter; each one imports this module for itself."""
    if hasattr(_thread, "_is_main_interpreter"):  # Python 3.13
        return bool(_thread._is_main_interpreter())
    if sys.version_info < (3, 8):  # none is made in Python
        return True
    try:
        interpreters: Any = import_module("_xxsubinterpreters")
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())


_time = _unpatched(
    time, "monotonic", "perf_counter", "perf_counter_ns", "process_time", "sleep", "time"
)
_threads = _unpatched(_thread, "allocate_lock", "get_ident", "start_new_thread", "RLock", "_local")


#: Those of real time have no names in ``signal.Signals``. Python 3.6 and 3.7 take all numbers.
_ALL_SIGNALS = set(getattr(signal, "valid_signals", lambda: range(1, signal.NSIG))())


class Native:
    """A namespace; nobody makes one. The clocks but for ``time`` are none that can be set."""

    time: Callable[[], float] = staticmethod(_time.time)
    monotonic: Callable[[], float] = staticmethod(_time.monotonic)
    process_time: Callable[[], float] = staticmethod(_time.process_time)
    #: Stops this thread of the system. A lock with a timeout wouldn't do: before Python 3.11 it
    #: waits by the wall clock, an hour longer where that is set back by one.
    sleep: Callable[[float], None] = staticmethod(_time.sleep)
    perf_counter_ns: Callable[[], int]
    if hasattr(_time, "perf_counter_ns"):
        perf_counter_ns = staticmethod(_time.perf_counter_ns)
    else:  # Python 3.6

        @staticmethod
        def perf_counter_ns(perf_counter: Callable[[], float] = _time.perf_counter) -> int:
            return int(perf_counter() * 1e9)

    allocate_lock: Callable[[], Any] = staticmethod(_threads.allocate_lock)
    RLock: Callable[[], Any] = _threads.RLock
    local: Callable[[], Any] = _threads._local
    #: Of the threads that are ours.
    own_idents: Set[int] = set()
    get_ident: Callable[[], int] = staticmethod(_threads.get_ident)
    _start_new_thread: Callable[..., int] = staticmethod(_threads.start_new_thread)
    # Not looked for later: a signal handler may start a thread, and is no place to import.
    _IS_MAIN = _find_whether_main()
    pthread_sigmask = staticmethod(signal.pthread_sigmask)

    socket = _socket.socket
    getaddrinfo = staticmethod(_socket.getaddrinfo)

    getpid = staticmethod(posix.getpid)
    getppid = staticmethod(posix.getppid)
    geteuid = staticmethod(posix.geteuid)
    stat = staticmethod(posix.stat)
    fstat = staticmethod(posix.fstat)
    urandom = staticmethod(posix.urandom)
    _open = staticmethod(posix.open)
    _read = staticmethod(posix.read)
    _close = staticmethod(posix.close)
    _ioctl: Any = staticmethod(ioctl)
    #: Not blocking: a named pipe that nobody writes to is empty.
    _FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK

    @staticmethod
    def unread(fd: int) -> int:
        """Return how many bytes can be read of a socket at once; -1 where that can't be told."""
        try:
            return int.from_bytes(Native._ioctl(fd, FIONREAD, b"\0\0\0\0"), sys.byteorder)
        except (OSError, ValueError):
            return -1

    @staticmethod
    def exists(path: str) -> bool:
        """Whether there is something at ``path``."""
        try:
            Native.stat(path)
        except OSError:
            return False
        return True

    @staticmethod
    def read_file(path: str, limit: int = 1 << 20) -> bytes:
        """Return the first ``limit`` bytes of a file; raises OSError."""
        fd = Native._open(path, Native._FLAGS)
        try:
            text = data = Native._read(fd, limit)
            while data:
                data = Native._read(fd, limit - len(text))
                text += data
            return text
        finally:
            Native._close(fd)

    @staticmethod
    def mask_of(pid: int) -> Any:
        """Return the signals that the main thread of a process blocks; raises OSError."""
        status = Native.read_file("/proc/%d/status" % pid)
        mask = int(status.partition(b"SigBlk:")[2].split()[0], 16)
        return {number for number in _ALL_SIGNALS if mask >> (number - 1) & 1}

    @staticmethod
    def is_own_thread() -> bool:
        """Tell whether this thread is one of ours."""
        return Native.get_ident() in Native.own_idents

    @staticmethod
    def forget_other_threads() -> None:
        """Forget the threads that a forked child hasn't got, whose idents its own may have."""
        Native.own_idents &= {Native.get_ident()}

    @staticmethod
    def is_of_handler(error: BaseException) -> bool:
        """Tell whether a signal handler in Python raised it, or what that called."""
        # Not signal.getsignal: its enums, on Python 3.7, keep the error that is being handled.
        handlers: List[Any] = [_signal.getsignal(number) for number in _ALL_SIGNALS]
        codes = [handler.__code__ for handler in handlers if hasattr(handler, "__code__")]
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_frame.f_code not in codes:
            traceback = traceback.tb_next
        return traceback is not None

    @staticmethod
    def start_thread(run: Callable[[], None], name: str = "") -> None:
        """Run ``run()`` in a new daemon thread; raises RuntimeError where none can be started.

        With a ``name`` it is one of ``threading.enumerate()``.
        No signal is delivered to it: the plugin may have blocked one to wait for it.
        """
        if not Native._IS_MAIN:
            raise RuntimeError("this is a subinterpreter, which a thread crashes at its end")
        begun = Native.allocate_lock()
        begun.acquire()

        def begin() -> None:
            Native.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
            Native.own_idents.add(Native.get_ident())
            if name:
                with suppress(Exception):  # whatever has become of threading
                    thread: Any = threading.current_thread()
                    thread.name = name
                    # Programs join all threads there are: one of those would raise.
                    thread.join = lambda timeout=None: None
            begun.release()
            try:
                run()
            finally:  # before Python 3.13 it stays known after its end
                Native.own_idents.discard(Native.get_ident())
                with suppress(Exception):
                    threading._active.pop(Native.get_ident(), None)  # type: ignore[attr-defined]

        Native._start_new_thread(begin, ())
        # Not for ever: while the interpreter ends no thread begins, nor gets a name while this one
        # was interrupted in the middle of threading.
        begun.acquire(True, 0.2)


class ByThread:
    """What each thread has for itself; each greenlet where gevent or eventlet has seen to that."""

    def __init__(self) -> None:
        #: A ``threading.local`` under 0, made at its first use: before that it may be replaced.
        self._local: Dict[int, Any] = {}

    def here(self) -> Dict[str, Any]:
        """Return what this thread has."""
        local = self._local.get(0)
        if local is None:
            local = self._local.setdefault(0, threading.local())
        found: Dict[str, Any] = local.__dict__
        return found


def sleeps_as_greenlet() -> bool:
    """Tell whether other greenlets run during ``time.sleep``: gevent or eventlet has patched it."""
    module = str(getattr(time.sleep, "__module__", ""))
    return module.partition(".")[0] in ("gevent", "eventlet")
