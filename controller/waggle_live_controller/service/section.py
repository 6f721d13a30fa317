"""Reads a YAML file. Every error names the file, the line, and what would be right."""

from typing import Any, Callable, Dict, List, Optional, Set, TypeVar

import yaml

from .. import ControllerError

T = TypeVar("T")


class ConfigError(ControllerError, ValueError):
    """The configuration can't be used. The message is ``file:line: what is wrong``."""


class Section:
    """One mapping of the file. Each key is taken once; a key that is left at the end is unknown."""

    def __init__(self, path: str, node: Any, what: str) -> None:
        """Raises ConfigError if it is no mapping, or has a key twice."""
        self._path = path
        self._what = what
        self._line = node.start_mark.line + 1 if node is not None else 1
        if not isinstance(node, yaml.MappingNode):
            raise self.error("%s is a mapping of names to values" % what)
        self._nodes: Dict[str, Any] = {}
        self._taken: Set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError("%s: the name of a value is a text" % self._place(key))
            if key.value in self._nodes:
                raise ConfigError("%s: %s is there twice" % (self._place(key), key.value))
            self._nodes[key.value] = value

    def __contains__(self, name: str) -> bool:
        return name in self._nodes

    def error(self, text: str, name: Optional[str] = None) -> ConfigError:
        """Return an error at a key, or at the section."""
        node = self._nodes.get(name) if name else None
        place = self._place(node) if node else "%s:%d" % (self._path, self._line)
        return ConfigError("%s: %s" % (place, text))

    def number(
        self, name: str, default: Optional[float] = None, *, low: float = 0.0, high: float = 1e9
    ) -> float:
        """Return a number above ``low`` and at most ``high``. Raises ConfigError."""
        value = self._scalar(name, default, (int, float))
        if not low < value <= high:  # NaN fails too
            raise self.error(
                "%s is a number above %g and at most %g, not %r" % (name, low, high, value), name
            )
        return float(value)

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``. Raises ConfigError."""
        value = self._scalar(name, default, (int,))
        if not low <= value <= high:
            raise self.error("%s is %d to %d, not %r" % (name, low, high, value), name)
        return int(value)

    def text(self, name: str, default: Optional[str] = None) -> str:
        """Return a text that isn't empty. Raises ConfigError."""
        value = self._scalar(name, default, (str,))
        if not value and default is None:
            raise self.error("%s is empty" % name, name)
        return str(value)

    def optional_text(self, name: str) -> Optional[str]:
        """Return a text, or None if it is missing. Raises ConfigError."""
        return self.text(name) if name in self else None

    def texts(self, name: str) -> List[str]:
        """Return a list of texts. Raises ConfigError, also for an empty list."""
        found = []
        for node in self._items(name):
            value = self._value(node, name)
            if type(value) is not str or not value:
                raise ConfigError(
                    "%s: %s is a list of names, not %r" % (self._place(node), name, value)
                )
            found.append(value)
        return found

    def sections(self, name: str, what: str, make: Callable[["Section"], T]) -> List[T]:
        """Return what ``make`` makes of each mapping in a list. Raises ConfigError."""
        made = []
        for node in self._items(name):
            section = Section(self._path, node, what)
            made.append(make(section))
            section.end()
        return made

    def end(self) -> None:
        """Raise ConfigError for a key that was not taken."""
        for name in self._nodes:
            if name not in self._taken:
                known = ", ".join(sorted(self._taken))
                text = "%s has no %s; there are: %s" % (self._what, name, known)
                raise self.error(text, name)

    def _items(self, name: str) -> List[Any]:
        self._taken.add(name)
        node = self._nodes.get(name)
        if node is None:
            raise self.error("%s needs a list of %s" % (self._what, name))
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self.error("%s is a list that isn't empty" % name, name)
        return list(node.value)

    def _scalar(self, name: str, default: Any, types: Any) -> Any:
        self._taken.add(name)
        node = self._nodes.get(name)
        if node is None:
            if default is None:
                raise self.error("%s needs %s" % (self._what, name))
            return default
        value = self._value(node, name) if _is_scalar(node) else None
        if type(value) not in types:
            kind = " or ".join(_KINDS[each] for each in types)
            raise self.error("%s is %s, not %s" % (name, kind, _shown(node, value)), name)
        return value

    def _value(self, node: Any, name: str) -> Any:
        try:
            return yaml.SafeLoader.construct_object(_LOADER, node)
        except (ValueError, yaml.YAMLError):  # such as an invalid date or an unknown tag
            raise ConfigError("%s: %s can't be read" % (self._place(node), name)) from None

    def _place(self, node: Any) -> str:
        return "%s:%d" % (self._path, node.start_mark.line + 1)


_KINDS = {int: "an integer", float: "a number", str: "a text"}
#: Makes values of YAML nodes; holds no file.
_LOADER = yaml.SafeLoader("")


def _is_scalar(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode)


def _shown(node: Any, value: Any) -> str:
    return repr(value) if _is_scalar(node) else "a list or a mapping"


def read(path: str) -> Section:
    """Return the file's outermost mapping. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as file:
            node = yaml.compose(file, Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError("%s: %s" % (path, error.strerror)) from None
    except UnicodeDecodeError:
        raise ConfigError("%s: it is not UTF-8" % path) from None
    except RecursionError:
        raise ConfigError("%s: it has too many levels" % path) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        said = getattr(error, "problem", None) or "not YAML"
        raise ConfigError("%s:%d: %s" % (path, line, said)) from None
    return Section(path, node, "the file")
