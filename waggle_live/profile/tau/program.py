"""The program that ``tau-run`` runs: an interpreter, its options, a script or module, arguments."""

import os
import re
import shlex
import shutil
import sys
from typing import List, NamedTuple, Optional

from ...wire.errors import LiveMetricsError

_PYTHON = re.compile(r"python[\d.]*t?\Z")
#: Options of Python that take no value.
_PLAIN = re.compile(r"-[bBdEIOqsSuv]+\Z")
#: Tags of the needed parts of TAU. Without them it looks for MPI, and prints on the program's
#: stdout that it took something else.
_TAGS = ["-T", "serial,pthread,python"]


class Program(NamedTuple):
    """A program in Python."""

    python: str
    #: Options of the interpreter.
    options: List[str]
    is_module: bool
    #: Path of the script, or name of the module.
    name: str
    arguments: List[str]

    @property
    def script(self) -> str:
        """The path of what runs, as far as it is known. It tells which plugin this is."""
        if not self.is_module:
            return self.name
        path = os.path.join(*self.name.split("."))
        for script in (os.path.join(path, "__main__.py"), path + ".py"):
            if os.path.exists(script):
                return script
        return self.name.partition(".")[0]


def parse(words: List[str], python: Optional[str] = None) -> Program:
    """Read ``[python3 [-u …]] main.py|-m MODULE [ARGS…]``; ``python`` is the default interpreter.

    Raises LiveMetricsError, with what would be right.
    """
    rest = list(words)
    interpreter = python or sys.executable
    options: List[str] = []
    if _PYTHON.match(os.path.basename(rest[0])):
        interpreter = rest.pop(0)
    found = shutil.which(interpreter)
    if found is None:
        raise LiveMetricsError("no such interpreter: %s" % interpreter)
    while rest and _PLAIN.match(rest[0]):
        options.append(rest.pop(0))
    if rest[:1] == ["-m"] and len(rest) > 1:
        return Program(found, options, True, rest[1], rest[2:])
    if not rest or rest[0].startswith("-"):
        given = "%s is not taken" % rest[0] if rest else "nothing is to run"
        raise LiveMetricsError("%s: give main.py, -m MODULE or python3 main.py" % given)
    if not os.path.exists(rest[0]):
        raise LiveMetricsError("no such script: %s" % rest[0])
    if os.path.isdir(rest[0]):
        raise LiveMetricsError("a directory: give %s" % os.path.join(rest[0], "__main__.py"))
    return Program(found, options, False, rest[0], rest[1:])


def tau_command(given: Optional[str], program: Program) -> Optional[List[str]]:
    """Return the command that has ``program.python`` run a script under TAU.

    It is the one given, or that of the ``PATH``; None if there is none.
    """
    if given:
        command = shlex.split(given)
    elif shutil.which("tau_python"):
        command = ["tau_python", *_TAGS]
    elif shutil.which("tau_exec"):
        wrapper = [program.python, *program.options, "-m", "tau_python_wrapper"]
        return ["tau_exec", *_TAGS, *wrapper]
    else:
        return None
    if command and os.path.basename(command[0]) == "tau_python":
        # By default TAU takes the interpreter that it was built with, not a virtual environment's.
        if not any(word.startswith("-tau-python-interpreter") for word in command):
            command.append("-tau-python-interpreter=" + program.python)
        if program.options:
            command.append("-tau-python-args=" + " ".join(program.options))
    return command
