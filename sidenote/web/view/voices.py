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
        cases=_cases(voice.neighbours),
        discordant=voice.discordant,
    )


def _cases(say: Say) -> SayView:
    """Other people are counted, where they are enough to be counted."""
    if not say.of:
        return SayView(mark=MARKS[None], words="not counted", evidence=())
    return SayView(mark=MARKS["present" if say.count else "absent"], words=f"{say.count} of {say.of}", evidence=say.evidence)


def _say(say: Say) -> SayView:
    words = " ".join((say.polarity, ", ".join(say.sides))).strip() if say.polarity else "not mentioned"
    return SayView(mark=MARKS[say.polarity], words=words, polarity=say.polarity, evidence=say.evidence)
