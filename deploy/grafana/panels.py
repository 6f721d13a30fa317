"""What panels are made of: queries, legends, words for no data, and tables of instant values."""

from grafana_foundation_sdk.builders import (
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.expressions import STATES

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
PANEL_HEIGHT = 8
STAT_HEIGHT = 4
#: A legend of a plugin, which has no labels of its author.
OF_PLUGIN = "{{plugin_task}} {{vsn}} {{plugin_job}}"
#: A legend with all labels, whatever they are called: ``{a="1", name="n", …}``, in their order.
ALL_LABELS = "__auto"
#: What makes ``n{a="1"} task node job`` of it: pairs of a regular expression and what replaces it.
RENAMED = (
    (
        r'^\{(.*?)(?:, )?\bname="(.*?)"(?:(.*?), plugin_job="(.*?)")?(.*?), plugin_task="(.*?)"'
        r'(?:(.*?), vsn="(.*?)")?(.*?)\}$',
        "$2{$1$3$5$7$9} $6 $8 $4",
    ),
    (r"/\{\}|(?<=\{), /g", ""),
)
COLORS = ("red", "red", "orange", "text", "green")

Panel = timeseries.Panel | stat.Panel | statetimeline.Panel | table.Panel | heatmap.Panel


def query(expression: str, legend: str = "") -> prometheus.Dataquery:
    """Return one query of a panel."""
    return prometheus.Dataquery().expr(expression).legend_format(legend).datasource(SOURCE)


def curves(
    title: str, unit: str, queries: dict[str, str], empty: str, description: str = ""
) -> timeseries.Panel:
    """Return a panel of curves over time; ``queries`` are expressions by legend.

    ``empty`` is shown where there is no data: it says what makes some.
    """
    panel = timeseries.Panel().title(title).unit(unit).description(description).no_value(empty)
    panel = panel.datasource(SOURCE).span(12).height(PANEL_HEIGHT).fill_opacity(5)
    for number, (legend, expression) in enumerate(queries.items()):
        panel = panel.with_target(query(expression, legend).ref_id(chr(ord("A") + number)))
    return panel


def instrument(
    title: str, unit: str, expression: str, empty: str, description: str = ""
) -> timeseries.Panel:
    """Return a panel of curves of what authors record, whose legends have the author's labels."""
    panel = curves(title, unit, {ALL_LABELS: expression}, empty, description)
    for regex, replacement in RENAMED:
        options = {"regex": regex, "renamePattern": replacement}
        panel = panel.with_transformation(
            DataTransformerConfig(id_val="renameByRegex", options=options)
        )
    return panel


def number(title: str, expression: str, empty: str, legend: str = "") -> stat.Panel:
    """Return a panel of one number as it is now, or of one per series, by ``legend``."""
    panel = stat.Panel().title(title).datasource(SOURCE).span(4).height(STAT_HEIGHT)
    return panel.no_value(empty).with_target(query(expression, legend).instant().ref_id("A"))


def bounds(*steps: tuple[float, str]) -> ThresholdsConfig:
    """Return colors from some values on."""
    colors = [Threshold(value=None, color="text")]
    colors += [Threshold(value=value, color=color) for value, color in steps]
    return ThresholdsConfig(mode=ThresholdsMode.ABSOLUTE, steps=colors)


def state_names() -> list[ValueMapping]:
    """Return the words and colors of the states."""
    words = {
        str(value): ValueMappingResult(text=text, color=color, index=value)
        for (value, text), color in zip(STATES.items(), COLORS, strict=True)
    }
    return [ValueMap(options=words)]


class Columns:
    """A table of one row per set of labels. Each column is an instant query.

    ``labels`` are names of columns by label; the label ``instance`` keeps rows apart, unseen.
    """

    def __init__(self, title: str, labels: dict[str, str], empty: str) -> None:
        self._names = dict(labels)
        self._queries = 0
        self._panel = table.Panel().title(title).datasource(SOURCE).span(24)
        self._panel = self._panel.height(PANEL_HEIGHT).no_value(empty)
        # The words are for a table without rows; a cell without a value is a dash.
        self._panel = self._panel.override_by_regexp(".*", [property_of("noValue", "\u2013")])

    def add(self, name: str, expression: str, **properties: object) -> None:
        """Add a column of numbers; ``properties`` are of Grafana's field."""
        ref = chr(ord("A") + self._queries)
        self._queries += 1
        self._names[f"Value #{ref}"] = name
        target = query(expression).instant().format(PromQueryFormat.TABLE).ref_id(ref)
        self._panel = self._panel.with_target(target)
        self.show(name, **properties)

    def show(self, name: str, **properties: object) -> None:
        """Set how a column is shown."""
        chosen = [property_of(key, value) for key, value in properties.items()]
        if "thresholds" in properties or "mappings" in properties:
            chosen.append(property_of("custom.cellOptions", {"type": "color-text"}))
        if chosen:
            self._panel = self._panel.override_by_name(name, chosen)

    def panel(self, description: str, hidden: tuple[str, ...] = ()) -> table.Panel:
        """Return the panel; labels that are ``hidden`` are no columns."""
        arranged = {
            "renameByName": self._names,
            "excludeByName": dict.fromkeys(("Time", "instance", *hidden), True),
            "indexByName": {name: index for index, name in enumerate(self._names)},
        }
        merge = DataTransformerConfig(id_val="merge", options={})
        organize = DataTransformerConfig(id_val="organize", options=arranged)
        panel = self._panel.description(description)
        return panel.with_transformation(merge).with_transformation(organize)


def property_of(name: str, value: object) -> DynamicConfigValue:
    """Return one property of a field."""
    return DynamicConfigValue(id_val=name, value=value)
