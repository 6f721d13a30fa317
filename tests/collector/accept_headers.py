"""The Accept headers of those who read /metrics."""

_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)
_OLD = (
    "application/openmetrics-text;version=1.0.0%s,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)

#: Without native histograms, and whoever can't read protobuf.
TEXT_READERS = {
    "prometheus 2.42": _OLD % "",
    "prometheus 2.50 to 2.55": "application/openmetrics-text;version=1.0.0;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "prometheus 3.0 to 3.3": "application/openmetrics-text;version=1.0.0;"
    "escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;"
    "escaping=allow-utf-8;q=0.2,*/*;q=0.1",
    "victoria-metrics": "text/plain;version=0.0.4;q=1,*/*;q=0.1",
    "a browser": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "*/*;q=0.8",
    "curl": "*/*",
    "nothing": "",
}
#: With native histograms on, and others that ask for protobuf first.
PROTOBUF_READERS = {
    "prometheus 2.42, native": _PROTOBUF + "," + _OLD % ";q=0.8",
    "prometheus 2.50 to 2.55, native": _PROTOBUF + ";q=0.5,"
    "application/openmetrics-text;version=1.0.0;q=0.4,"
    "application/openmetrics-text;version=0.0.1;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "prometheus 3.0 to 3.3, native": _PROTOBUF + ";escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;escaping=allow-utf-8;q=0.2,*/*;q=0.1",
    "prometheus 3.8, native": _PROTOBUF + ";q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "telegraf, prom2json": _PROTOBUF + ";q=0.7,text/plain;version=0.0.4;q=0.3",
}
