"""The JSON of ``top --once --json``: all nodes in one document (docs/reference/top.md)."""

from typing import Any, Dict, Iterable, List, Mapping

from .. import FleetSnapshot, PluginIdentity, PluginReading

#: The version of the form. It rises if a field is removed or changes its meaning. A new field does
#: not raise it.
FORM = 1
#: The fields of a plugin that are filtered by their names.
_NAMED = ("timers", "rates", "gauges", "counters", "messages")


def document(urls: Iterable[str], polled: FleetSnapshot, part: str = "") -> Dict[str, Any]:
    """Return the document of some nodes, in the order of ``urls``.

    ``part``: the filter, as in the table. It keeps plugins with it in their key, and series and
    functions with it in their name.
    """
    nodes: List[Dict[str, Any]] = []
    for url in urls:
        snapshot, error = polled.snapshots.get(url), polled.errors.get(url)
        node: Dict[str, Any] = {"url": url, "node_id": "", "vsn": "", "error": None}
        node["plugins"] = None
        if error is not None:
            node["error"] = {"type": type(error).__name__, "text": error.text}
        elif snapshot is not None:
            node.update(snapshot.node._asdict())
            found = (_plugin(key, each, part) for key, each in snapshot.plugins.items())
            node["plugins"] = [each for each in found if each]
        nodes.append(node)
    return {"form": FORM, "nodes": nodes}


def _plugin(key: str, plugin: PluginReading, part: str) -> Dict[str, Any]:
    """Return a plugin as in ``/api/v1/plugins``; empty if the filter leaves it out."""
    part = part.lower()
    fields = plugin._asdict()
    if part not in key.lower():
        for name in _NAMED:
            some = fields[name]
            fields[name] = {each: some[each] for each in some if part in each.lower()}
        fields["functions"] = [each for each in plugin.functions if part in each.name.lower()]
        if not any(fields[name] for name in (*_NAMED, "functions")):
            return {}
    identity: PluginIdentity = fields.pop("identity")
    names = {"plugin": identity.plugin, "plugin_task": identity.task, "plugin_job": identity.job}
    for name in _NAMED[:4]:
        fields[name] = list(fields[name].values())
    return {**names, **{name: _plain(value) for name, value in fields.items()}}


def _plain(value: Any) -> Any:
    """Return a value of a reading as JSON types."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
