"""Four voices on one finding, each with a mark that does not rely on colour."""

from __future__ import annotations

from agent.review import Review, Say, Voice
from sidenote.render.layout import MARKS, finding_words, telling
from sidenote.web.wire.view import SayView, VoiceView


def voice_views(review: Review) -> tuple[VoiceView, ...]:
    """The voices worth a row, in the order of the vocabulary."""
    return tuple(_voice(voice) for voice in telling(review))


def _voice(voice: Voice) -> VoiceView:
    return VoiceView(
        finding=finding_words(voice.finding),
        chart=_say(voice.chart),
        report=_say(voice.report),
        reading=_say(voice.reading),
        cases=_say(voice.neighbours),
        discordant=voice.discordant,
    )


def _say(say: Say) -> SayView:
    if say.of:
        mark = MARKS["present" if say.count else "absent"]
        return SayView(mark=mark, words=f"{say.count} of {say.of}", polarity=None, evidence=say.evidence)
    words = " ".join((say.polarity, ", ".join(say.sides))).strip() if say.polarity else "not mentioned"
    return SayView(mark=MARKS[say.polarity], words=words, polarity=say.polarity, evidence=say.evidence)
