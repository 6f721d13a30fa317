"""One scrape of a collector, as prometheus_client parses it."""

from prometheus_client.parser import text_string_to_metric_families

MUST_BE_THERE = object()


class Scrape(list):
    """The metric families of one scrape, as prometheus_client parses them."""

    def __init__(self, text):
        super().__init__(text_string_to_metric_families(text))
        self.text = text

    def all(self, family, **labels):
        """Return (labels, value) of the samples of that name that have these labels."""
        return [
            (sample.labels, sample.value)
            for metric in self
            for sample in metric.samples
            if sample.name == family and all(sample.labels.get(k) == v for k, v in labels.items())
        ]

    def value(self, family, default=MUST_BE_THERE, **labels):
        """Return the value of the one sample that fits; of none, ``default`` if given."""
        found = self.all(family, **labels)
        if not found and default is not MUST_BE_THERE:
            return default
        assert len(found) == 1, "not one sample %s %r: %r" % (family, labels, found)
        return found[0][1]

    def sum(self, family, **labels):
        """Return the sum over all samples that fit."""
        return sum(value for _, value in self.all(family, **labels))
