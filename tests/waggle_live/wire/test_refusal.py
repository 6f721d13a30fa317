"""Names of series without room."""

from waggle_live.wire.refusal import decode_refused, encode_refused


def test_a_refusal_names_its_series():
    """The collector's text gives the client's key back, whatever is in the labels."""
    for labels in ({}, {"b": "1", "a": 'say "x"\n\u00e9\U0001f600'}):
        text = encode_refused("timer", "a.b", labels)
        assert decode_refused(text) == ("timer", "a.b", tuple(sorted(labels.items())))
    assert decode_refused('{"kind":"uploads"}') == ("uploads", "", ())
