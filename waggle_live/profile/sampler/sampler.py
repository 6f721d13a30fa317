"""The sampler of this process: a thread that looks at the stacks of all others.

Off until it is asked for. It changes nothing of the plugin, and keeps none of its frames.
"""

import _thread
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from ...logs import LogOnce
from ...native import Native
from ...reporter import fork
from ...reporter.profiler import Profiler
from ...series.state import SeriesState
from ...wire.stacks import Times

if TYPE_CHECKING:
    from .functions import SampledFunctions
    from .sampling_thread import SamplingThread

#: Where ``waggle-live run`` has stacks written: the pid of the process, a colon and a path. Other
#: processes add their own pid to the path.
OUTPUT_VARIABLE = "WAGGLE_LIVE_PROFILE_OUTPUT"
_COLLECTED = "collected"


class Sampler(Profiler):
    """Samples for one reporter at a time, in a thread of its own. Thread-safe."""

    def __init__(self) -> None:
        self._log_once = LogOnce()
        self._start_anew()
        fork.register(self)

    def __reduce__(self) -> str:
        return "SAMPLER"

    def set_rate(self, owner: Any, hz: int) -> Optional[str]:
        """See :class:`Profiler`."""
        try:
            self.after_fork_in_child()
            if hz == 0 and self._run is None:
                return None  # the usual case at a session's end; no lock, see ``Registry.states``
            with self._lock:
                return self._set_rate(owner, hz)
        except Exception as error:
            self._log_once.fault(error, "internal error in the profiler")
            return "an internal error"

    def states(self, owner: Any) -> List[SeriesState]:
        """See :class:`Profiler`."""
        functions = self._functions.get(owner)
        return [] if functions is None else functions.states()

    def collect(self, owner: Any, on: bool) -> None:
        """See :class:`Profiler`."""
        if on:
            from .stacks import Stacks

            self._functions_of(owner).collections[_COLLECTED] = Stacks()
        else:
            self._functions_of(owner).collections.pop(_COLLECTED, None)

    def stacks(self, owner: Any) -> Dict[str, Times]:
        """See :class:`Profiler`."""
        functions = self._functions.get(owner)
        stacks = None if functions is None else functions.collections.get(_COLLECTED)
        return {} if stacks is None else stacks.folded()

    def after_fork_in_child(self) -> None:
        """Start anew in a forked child, unless that has been done."""
        if self._pid != Native.getpid():
            self._start_anew()

    def _start_anew(self) -> None:
        self._pid = Native.getpid()
        self._lock = Native.RLock()
        #: Python's main thread. Later gevent may have replaced it by a greenlet.
        self._main = threading.main_thread().ident
        if getattr(_thread, "get_native_id", lambda: 0)() == self._pid:
            self._main = Native.get_ident()
        self._run: "Optional[SamplingThread]" = None
        self._functions: "weakref.WeakKeyDictionary[Any, SampledFunctions]"
        self._functions = weakref.WeakKeyDictionary()

    def _functions_of(self, owner: Any) -> "SampledFunctions":
        functions = self._functions.get(owner)
        if functions is None:
            from .functions import SampledFunctions

            functions = self._functions.setdefault(owner, SampledFunctions())
        return functions

    def _set_rate(self, owner: Any, hz: int) -> Optional[str]:
        run = self._run
        if run is not None and run.has_ended():
            run = self._run = None
        if run is not None and run.owner is not owner:
            return "another plugin of this process is being profiled" if hz else None
        if hz == 0:
            self._run = None
            if run is not None:
                run.end()
            return None
        if run is not None:
            run.set_rate(hz)
            return None
        if not getattr(sys, "_is_gil_enabled", lambda: True)():
            return "this Python runs without its lock, and stacks of other threads can't be read"
        # Loaded only if something is sampled, since it takes some milliseconds.
        from .sampling_thread import SamplingThread

        run = SamplingThread(owner, hz, self._functions_of(owner), self._main, self._output())
        try:
            run.start()
        except RuntimeError as error:
            return "no thread can be started: %s" % error
        self._run = run
        return None

    def _output(self) -> str:
        pid, _, path = os.environ.get(OUTPUT_VARIABLE, "").partition(":")
        own = str(Native.getpid())
        return path if not path or pid == own else "%s.%s" % (path, own)


#: The sampler of this process.
SAMPLER = Sampler()
