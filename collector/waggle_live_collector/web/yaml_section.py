"""Reads YAML sections. Each error names the file, the line, the fault, and what would be right.

It is stricter than YAML. Each key occurs once and must be known. Nothing is converted: where a
string is wanted, ``true`` is an error and not the text "true".
"""

from __future__ import annotations

import yaml

from .. import regular_file
from .errors import WebConfigError

_STRING, _BOOL, _NULL = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "null"))


class Value:
    """One value of the file. Each method returns it as one type, or raises WebConfigError."""

    def __init__(self, path: str, what: str, node: yaml.Node) -> None:
        self.path = path
        self.what = what
        self._node = node

    def error(self, text: str) -> WebConfigError:
        """Return an error about this value."""
        return WebConfigError(f"{self.path}, line {_line(self._node)}: {self.what}: {text}")

    def string(self, right: str = "must be a string") -> str:
        """Return a string that isn't empty. ``right`` says in the error what it must be."""
        node = self._node
        if not isinstance(node, yaml.ScalarNode) or node.tag != _STRING or not node.value:
            raise self.error(f"{right}, got {_describe(node)}")
        return str(node.value)

    def one_of(self, *known: str) -> str:
        """Return a string that is one of ``known``."""
        right = f"must be one of {', '.join(known)}"
        text = self.string(right)
        if text not in known:
            raise self.error(f"{right}, got {text!r}")
        return text

    def section(self, *known: str) -> dict[str, Value]:
        """Return the keys and values of a mapping that isn't empty.

        A key must be one of ``known``, unless that is empty.
        """
        node = self._node
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise self.error(f"must be keys with values, got {_describe(node)}")
        values: dict[str, Value] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) and key.tag != _NULL else ""
            if not name:
                fault = f"a key of {self.what} must be text, got {_describe(key)}"
            elif known and name not in known:
                fault = f"{name} is not supported; supported are {', '.join(known)}"
            elif name in values:
                fault = f"{name} occurs twice in {self.what}; remove one"
            else:
                values[name] = Value(self.path, name, value)
                continue
            raise WebConfigError(f"{self.path}, line {_line(key)}: {fault}")
        return values


def read(path: str) -> Value:
    """Return the outermost mapping of the YAML file at ``path``. Raises WebConfigError."""
    try:
        text = regular_file.read(path).decode()
    except OSError as error:
        raise WebConfigError(f"{path}: can't be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise WebConfigError(f"{path}: is not UTF-8 text: {error.reason}") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        why = getattr(error, "problem", error)
        raise WebConfigError(f"{path}{where}: is not YAML: {why}") from error
    if not isinstance(node, yaml.MappingNode) or not node.value:
        # A file may be empty while an editor saves it, or if a secret isn't filled in.
        raise WebConfigError(
            f"{path}, line 1: has no keys: it must have tls_server_config or basic_auth_users, "
            "or at least http_server_config; to serve without protection leave the flag out"
        )
    return Value(path, "the file", node)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _describe(node: yaml.Node) -> str:
    """Return the type of a value as text. Never the value, which may be a secret."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == _NULL or not node.value:
            return "nothing"
        return {_STRING: "a string", _BOOL: "true or false"}.get(node.tag, "a number or date")
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "keys with values" if node.value else "no keys"
