"""What this library needs of the system, unaffected by what the program has patched.

gevent and eventlet replace threads, locks, sockets and ``time.sleep``. freezegun stops clocks.
Tests patch ``open``, ``os`` and ``socket.socket``, and tools wrap locks in Python code. The sender
needs the originals: a thread of the operating system that waits for locks and sockets without an
event loop.

So everything comes from C modules and is kept as attributes of a class. freezegun replaces globals
of modules. What is patched within C, as time_machine does, stays patched.
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
    """Return a C module as it was before anybody patched one of ``names`` in it.

    gevent, eventlet, freezegun and mocks all change the module that everybody imports. A second
    copy, made where the module is built into the interpreter, has the original functions.
    """
    spec: Any = BuiltinImporter.find_spec(module.__name__)
    found = [getattr(module, name) for name in names if hasattr(module, name)]
    if spec is None or all(_is_in_c(module, each) for each in found):
        return module
    # Before Python 3.9 a second copy is made only if the first one isn't found.
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
    """Tell whether this is the main interpreter. Each interpreter imports this module itself."""
    if hasattr(_thread, "_is_main_interpreter"):  # Python 3.13
        return bool(_thread._is_main_interpreter())
    if sys.version_info < (3, 8):  # Python code can make none there
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


#: Real-time signals have no names in ``signal.Signals``. Python 3.6 and 3.7 take all numbers.
_ALL_SIGNALS = set(getattr(signal, "valid_signals", lambda: range(1, signal.NSIG))())


class Native:
    """A namespace that is never instantiated. All its clocks but ``time`` are monotonic."""

    time: Callable[[], float] = staticmethod(_time.time)
    monotonic: Callable[[], float] = staticmethod(_time.monotonic)
    process_time: Callable[[], float] = staticmethod(_time.process_time)
    #: Suspends this system thread. A lock with a timeout would not do: before Python 3.11 it waits
    #: by the wall clock, and so an hour too long if that is set back by an hour.
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
    #: The ids of our own threads.
    own_idents: Set[int] = set()
    get_ident: Callable[[], int] = staticmethod(_threads.get_ident)
    _start_new_thread: Callable[..., int] = staticmethod(_threads.start_new_thread)
    # Imported now: a signal handler may start a thread later, and must not import.
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
    #: Non-blocking, so that a named pipe without a writer reads as empty.
    _FLAGS = posix.O_RDONLY | posix.O_CLOEXEC | posix.O_NONBLOCK

    @staticmethod
    def unread(fd: int) -> int:
        """Return how many bytes of a socket can be read at once; -1 if that is unknown."""
        try:
            return int.from_bytes(Native._ioctl(fd, FIONREAD, b"\0\0\0\0"), sys.byteorder)
        except (OSError, ValueError):
            return -1

    @staticmethod
    def exists(path: str) -> bool:
        """Tell whether something exists at ``path``."""
        try:
            Native.stat(path)
        except OSError:
            return False
        return True

    @staticmethod
    def read_file(path: str, limit: int = 1 << 20) -> bytes:
        """Return the first ``limit`` bytes of a file. Raises OSError."""
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
        """Return the signals that the main thread of a process blocks. Raises OSError."""
        status = Native.read_file("/proc/%d/status" % pid)
        mask = int(status.partition(b"SigBlk:")[2].split()[0], 16)
        return {number for number in _ALL_SIGNALS if mask >> (number - 1) & 1}

    @staticmethod
    def is_own_thread() -> bool:
        """Tell whether this thread is one of ours."""
        return Native.get_ident() in Native.own_idents

    @staticmethod
    def forget_other_threads() -> None:
        """Forget threads that a forked child doesn't have; the ids may be used again there."""
        Native.own_idents &= {Native.get_ident()}

    @staticmethod
    def is_of_handler(error: BaseException) -> bool:
        """Tell whether a Python signal handler, or what it called, raised this error."""
        # Not signal.getsignal: on Python 3.7 its enums keep the error that is being handled.
        handlers: List[Any] = [_signal.getsignal(number) for number in _ALL_SIGNALS]
        codes = [handler.__code__ for handler in handlers if hasattr(handler, "__code__")]
        traceback = error.__traceback__
        while traceback is not None and traceback.tb_frame.f_code not in codes:
            traceback = traceback.tb_next
        return traceback is not None

    @staticmethod
    def start_thread(run: Callable[[], None], name: str = "") -> None:
        """Run ``run()`` in a new daemon thread. Raises RuntimeError if none can be started.

        With a ``name`` it is one of ``threading.enumerate()``. It takes no signals: the plugin may
        have blocked one in order to wait for it.
        """
        if not Native._IS_MAIN:
            raise RuntimeError("this is a subinterpreter, which a thread crashes at its end")
        begun = Native.allocate_lock()
        begun.acquire()

        def begin() -> None:
            Native.pthread_sigmask(signal.SIG_BLOCK, _ALL_SIGNALS)
            Native.own_idents.add(Native.get_ident())
            if name:
                with suppress(Exception):  # threading may have been replaced
                    thread: Any = threading.current_thread()
                    thread.name = name
                    # Programs may join all threads; joining one of these would raise.
                    thread.join = lambda timeout=None: None
            begun.release()
            try:
                run()
            finally:  # before Python 3.13 it stays known after its end
                Native.own_idents.discard(Native.get_ident())
                with suppress(Exception):
                    threading._active.pop(Native.get_ident(), None)  # type: ignore[attr-defined]

        Native._start_new_thread(begin, ())
        # Wait for a bounded time. No thread begins while the interpreter ends. None gets its name
        # while this thread was interrupted in the middle of threading.
        begun.acquire(True, 0.2)


class ByThread:
    """A value per thread; per greenlet if gevent or eventlet has patched ``threading.local``."""

    def __init__(self) -> None:
        #: A ``threading.local`` under 0, made at first use: it may be replaced until then.
        self._local: Dict[int, Any] = {}

    def here(self) -> Dict[str, Any]:
        """Return the dict of this thread."""
        local = self._local.get(0)
        if local is None:
            local = self._local.setdefault(0, threading.local())
        found: Dict[str, Any] = local.__dict__
        return found


def sleeps_as_greenlet() -> bool:
    """Tell whether gevent or eventlet has patched ``time.sleep``: other greenlets run meanwhile."""
    module = str(getattr(time.sleep, "__module__", ""))
    return module.partition(".")[0] in ("gevent", "eventlet")
