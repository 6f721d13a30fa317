"""Wrappers with the very parameters of what they wrap.

``def wrapper(*args, **kwargs)`` makes a tuple and a dict at each call and takes them apart again,
which costs as much as a clock reading. So the source of a wrapper is written for the parameters
of its function and compiled, once for all functions whose parameters are the same.
"""

import types
from typing import Any, Callable, Dict, List, Tuple

#: Begins every name that a template uses for itself.
PREFIX = "_live_"
_ANY = ("wrapper", "*args, **kwargs", "*args, **kwargs")
_VARARGS, _VARKEYWORDS = 4, 8  # in co_flags

#: The factories made so far, by template and parameters; all are forgotten when they are too many,
#: as in a program that makes functions with names of their own all the time.
_made: Dict[Tuple[str, ...], Callable[..., Any]] = {}
MAX_MADE = 1000


def wrap(function: Any, template: str, *bound: Any) -> Any:
    """Return a wrapper from ``template``, whose ``bind`` takes what is ``bound``.

    The template has the fields ``{name}``, ``{parameters}`` and ``{arguments}``, and names of its
    own that begin with ``_live_`` only. A call that does not fit the parameters of ``function``
    is refused as the function itself would, before anything of the wrapper has run. Defaults are
    those that the function has now: whoever changes them later changes them on the wrapper.
    """
    shape = _shape(function)
    if shape is not _ANY:
        try:
            wrapper = _factory(template, shape)(*bound)
        except SyntaxError:  # a keyword as a name, which only code.replace() can have made
            pass
        else:
            # The compiler normalizes Unicode, code.replace() doesn't.
            if _names(wrapper) == _names(function):
                wrapper.__defaults__ = function.__defaults__
                wrapper.__kwdefaults__ = function.__kwdefaults__
                return wrapper
    return _factory(template, _ANY)(*bound)


def _factory(template: str, shape: Tuple[str, ...]) -> Callable[..., Any]:
    key = (template, *shape)
    factory = _made.get(key)
    if factory is None:
        name, parameters, arguments = shape
        source = template.format(name=name, parameters=parameters, arguments=arguments)
        # Who asks for the name of his caller's module finds one.
        scope: Dict[str, Any] = {"__name__": __name__}
        exec(compile(source, "<waggle_live.instruments.signature>", "exec"), scope)
        if len(_made) >= MAX_MADE:
            _made.clear()
        factory = _made[key] = scope["bind"]
    return factory


def _shape(function: Any) -> Tuple[str, str, str]:
    """Return name, parameters and how they are handed on, as source; of any callable the widest."""
    if type(function) is not types.FunctionType:
        return _ANY
    code = function.__code__
    names = _names(function)
    positional, keywords = names[: code.co_argcount], names[code.co_argcount :]
    rest = keywords[code.co_kwonlyargcount :]
    keywords = keywords[: code.co_kwonlyargcount]
    parameters, arguments = list(positional), list(positional)
    only = getattr(code, "co_posonlyargcount", 0)  # Python 3.8
    if only:
        parameters.insert(only, "/")
    if code.co_flags & _VARARGS:
        rest_name = rest.pop(0)
        parameters.append("*" + rest_name)
        arguments.append("*" + rest_name)
    elif keywords:
        parameters.append("*")
    parameters += keywords
    arguments += ["%s=%s" % (keyword, keyword) for keyword in keywords]
    if code.co_flags & _VARKEYWORDS:
        parameters.append("**" + rest[0])
        arguments.append("**" + rest[0])
    # What a TypeError calls it before Python 3.10; "<lambda>" can't be defined by name.
    name = code.co_name if code.co_name.isidentifier() else _ANY[0]
    for used in (name, *names):
        if not used.isidentifier() or used.startswith(PREFIX):
            return _ANY
    return name, ", ".join(parameters), ", ".join(arguments)


def _names(function: Any) -> List[str]:
    """Return the names of all parameters: those by position, by keyword, ``*rest``, ``**more``."""
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return list(code.co_varnames[:count])
