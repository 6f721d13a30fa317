"""Which rows of a profile count, and what a function's name there says of it."""

import re

from .. import names

#: Groups of rows that repeat what other rows count: call paths and samples.
REPEATED = re.compile(rb"(?:\A|\|)\s*TAU_(?:CALLPATH|SAMPLE|UNWIND)")

#: The file that ``tau-run`` has the program's Python run.
LAUNCHER = b"waggle_live_tau_start.py"
#: The function in which the dumping thread runs.
_DUMPER = re.compile(rb"\Adump_until \[\{[^{}]*\b%b\}" % re.escape(LAUNCHER))
#: Call paths, and what runs the script.
_UNNAMED = re.compile(rb"=>|\[\{[^{}]*\b%b\}|%b" % (re.escape(LAUNCHER), names.UNNAMED.pattern))

_THROTTLED = b"[THROTTLED]"

#: Names for waiting: time outside of all functions; C functions that wait, which have no file; and
#: functions of the standard library that call those, since TAU sees no C functions from Python 3.12
#: on.
_IDLE = re.compile(
    rb"\.TAU application\Z"
    rb"|\[PTHREAD\] "
    rb"|(?:acquire|acquire_lock|__enter__|sleep|select|poll|epoll_wait|accept|_accept|connect|connect_ex"
    rb"|do_handshake|recv|recv_into|recvfrom|recvfrom_into|recvmsg|recvmsg_into|getaddrinfo"
    rb"|wait|wait3|wait4|waitid|waitpid|pause|sigwait|sigwaitinfo|sigtimedwait|sem_wait"
    rb"|sem_timedwait|pthread_join|pthread_cond_wait|pthread_cond_timedwait"
    rb"|pthread_barrier_wait|input)\Z"
    rb"|(?:wait|wait_for|join|acquire|__enter__|_acquire_restore|_wait_for_tstate_lock"
    rb"|_join_thread|_shutdown) \[\{(?:[^{}]*/)?threading\.py\}"
    rb"|(?:select|_select) \[\{(?:[^{}]*/)?selectors\.py\}"
    rb"|(?:accept|readinto|create_connection|getaddrinfo) \[\{(?:[^{}]*/)?socket\.py\}"
    rb"|(?:accept|connect|read|recv|recv_into|do_handshake) \[\{(?:[^{}]*/)?ssl\.py\}"
    rb"|(?:_wait|_try_wait|wait) \[\{(?:[^{}]*/)?subprocess\.py\}"
    rb"|_worker \[\{[^{}]*concurrent/futures/thread\.py\}"
    rb"|(?:_recv|_poll|wait|accept) \[\{[^{}]*multiprocessing/connection\.py\}"
    rb"|(?:acquire|__enter__) \[\{[^{}]*multiprocessing/synchronize\.py\}"
    rb"|(?:poll|wait) \[\{[^{}]*multiprocessing/popen_fork\.py\}"
)


def key(name: bytes) -> bytes:
    """Return a function's key in a run. TAU adds a mark to the name when it stops measuring."""
    name = name.rstrip()
    return name[: -len(_THROTTLED)].rstrip() if name.endswith(_THROTTLED) else name


def is_throttled(name: bytes) -> bool:
    """Tell whether TAU has stopped measuring a function. Its time then counts for its callers."""
    return name.rstrip().endswith(_THROTTLED)


def is_dumper(function: bytes) -> bool:
    """Tell whether a function runs in the thread that has TAU dump."""
    return _DUMPER.match(function) is not None


def is_idle(function: bytes) -> bool:
    """Tell whether the exclusive time of a function is time spent waiting."""
    return _IDLE.match(function) is not None


def is_nameable(function: bytes) -> bool:
    """Tell whether a function may have a series of its own."""
    return _UNNAMED.search(function) is None
