"""Why a case is comparable: what it shares with the present one and what differs, in words."""

from __future__ import annotations

from retrieval.cards import CaseCard, Query

_SPELLING = {"pulmonary_edema": "pulmonary oedema"}


def shared(card: CaseCard, query: Query) -> tuple[str, ...]:
    """What the case has in common with the present one: findings (and their side), view, age band, sex."""
    there = _keys(card)
    words = [_words(key) + _same_side(key, card, query) for key in sorted(there & query.findings)]
    if not there and not query.findings:
        words.append("no finding in either")
    words += [f"{card.view} view"] if query.view == card.view else []
    words += [f"age {card.age_band}"] if query.age_band == card.age_band != "unknown" else []
    words += [card.sex] if query.sex == card.sex != "unknown" else []
    return tuple(words)


def differs(card: CaseCard, query: Query) -> tuple[str, ...]:
    """What only one of the two has, and where sides, view, age band or sex are not the same. What is unknown differs in nothing."""
    there = _keys(card)
    words = [f"only in the past case: {_words(key)}" for key in sorted(there - query.findings)]
    words += [f"only in the present case: {_words(key)}" for key in sorted(query.findings - there)]
    for key in sorted(there & query.findings):
        past, present = _sides(key, card, query)
        words += (
            [f"{_words(key)}: {' and '.join(past)} there, {' and '.join(present)} here"] if past and present and past != present else []
        )
    for name, past_value, present_value in (
        ("view", card.view, query.view),
        ("age", card.age_band, query.age_band),
        ("sex", card.sex, query.sex),
    ):
        known = present_value is not None and "unknown" not in (past_value, present_value)
        words += [f"{name}: {past_value} there, {present_value} here"] if known and past_value != present_value else []
    return tuple(words)


def _keys(card: CaseCard) -> frozenset[str]:
    return frozenset(finding.key for finding in card.findings)


def _words(key: str) -> str:
    return _SPELLING.get(key, key.replace("_", " "))


def _sides(key: str, card: CaseCard, query: Query) -> tuple[list[str], list[str]]:
    past = sorted({finding.side for finding in card.findings if finding.key == key and finding.side})
    return list(past), sorted(side for name, side in query.sides if name == key)


def _same_side(key: str, card: CaseCard, query: Query) -> str:
    past, present = _sides(key, card, query)
    return f" ({' and '.join(past)})" if past and past == present else ""
