"""Bytes to a Chart."""

from __future__ import annotations

from bench.clock import alternate
from bench.rows import Goal, Row
from bench.setting import Setting

VALIDATION = Goal("1", "bytes to a Chart at least 40x as fast as fhir.resources validation", 1 / 40)
ORJSON = Goal("1", "bytes to a Chart no slower than orjson.loads of the same bytes", 1.0)


def parsing(setting: Setting) -> tuple[Row, ...]:
    """Bytes to a Chart.

    CPU time in one thread. orjson keeps the last of two equal keys in silence; a Chart refuses them, which the third row
    prices, beside Python's own parser doing the same. A Chart parses a resource's body when it is first read; the last row
    reads them all, decimals kept exact.
    """
    import orjson

    from fhir.assemble import chart_from
    from fhir.bundles import read_document
    from fhir.files import chart_from_bytes
    from fhir.jsonscan import refuse_duplicates_slowly, scan
    from fhir.models import validate_text

    text, patient = setting.chart_file.read_bytes(), setting.patient
    facts = tuple(chart_from_bytes(text, patient))
    work = {
        "chart": lambda: chart_from_bytes(text, patient),
        "orjson": lambda: orjson.loads(text),
        "scan": lambda: scan(text),
        "plain scan": lambda: refuse_duplicates_slowly(text),
        "lax": lambda: chart_from([read_document(text, strict=False)], patient),
        "bodies": lambda: [fact.body for fact in chart_from_bytes(text, patient)],
        "validate": lambda: [validate_text(fact.resource_type, fact.id, fact.raw) for fact in facts],
    }
    times = alternate(setting.rounds(25), work)
    return (
        Row("bytes to Chart, strict", times["chart"], "fhir.resources R4B validation", times["validate"], VALIDATION),
        Row("bytes to Chart, strict", times["chart"], "orjson.loads", times["orjson"], ORJSON),
        Row("of that: duplicate keys, huge numbers, deep nesting", times["scan"], "duplicate keys by json.loads", times["plain scan"]),
        Row("bytes to Chart without strictness", times["lax"], "orjson.loads", times["orjson"]),
        Row("bytes to Chart, then every body", times["bodies"], "orjson.loads", times["orjson"]),
    )
