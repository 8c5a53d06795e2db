"""The one place that builds concrete things. Doors ask it for the parts of a review and hold none of this themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sidenote import __version__
from sidenote.servers import access_of
from sidenote.settings import OFF, Settings, site_secret

if TYPE_CHECKING:
    from agent.parts import Parts
    from agent.replay import ReplayParts
    from fhir.source import Source
    from policies.engine import Rule
    from policies.guidance_pack import Topic
    from sidenote.case_libraries import CaseLibraries
    from tools.med_vlm.compact.reader import CompactReader
    from tools.med_vlm.reading import Reader

COMPOSER = "deterministic 1"


class PartsWith(Protocol):
    """Gives the parts of a review."""

    def __call__(self, source: Source, ehr: str | None = None) -> Parts:
        """Of a review of `source`, with the case library of the EHR of that name."""
        ...


@dataclass(frozen=True)
class Deciders:
    """What decides once the evidence is there: rules, guidance and composer. Needs no server, model or index."""

    rules: tuple[Rule, ...]
    topics: tuple[Topic, ...]


def deciders(settings: Settings) -> Deciders:
    """Load rules and guidance.

    Raises:
        policies.errors.PolicyError: a rule or topic file is missing or unusable; nothing starts with fewer rules than it should.
    """
    from policies.engine import load_rules
    from policies.guidance_pack import load_topics

    return Deciders(load_rules(settings.rules), load_topics(settings.guidance))


def replay_parts(settings: Settings) -> ReplayParts:
    """What replays a flight record."""
    from agent.composers.deterministic import compose
    from agent.replay import ReplayParts

    chosen = deciders(settings)
    return ReplayParts(chosen.rules, chosen.topics, compose, COMPOSER)


@asynccontextmanager
async def wired(settings: Settings, sources: Sequence[str], *, image_model: bool = True) -> AsyncIterator[Parts]:
    """Everything a review needs, open while the context lasts.

    Args:
        settings: The site's configuration.
        sources: A base URL, a file, a folder, or several that are read as one.
        image_model: False loads no model and no case library: images are then not read at all.

    Raises:
        fhir.errors.SourceError: a source cannot be opened.
        tools.med_vlm.errors.MedVlmError: the model's files are missing or changed.
        retrieval.errors.IndexUnusable: the case library is damaged or another encoder's.
    """
    from fhir.source import open_source

    async with standing(settings, image_model=image_model) as parts_with:
        source = open_source(*sources, access=lambda base: access_of(settings.server, base))
        try:
            yield parts_with(source)
        finally:
            await source.aclose()


@asynccontextmanager
async def standing(settings: Settings, *, image_model: bool = True) -> AsyncIterator[PartsWith]:
    """What all reviews of a process share: call it with a source, and the name of the EHR that launched, for a review's parts.

    Raises as `wired`, but for the source.
    """
    from agent.checkpoints import open_checkpoints
    from agent.composers.deterministic import compose
    from agent.parts import Parts

    chosen = deciders(settings)
    async with AsyncExitStack() as stack:
        models = _models(settings) if image_model and settings.image_model != OFF else None
        libraries = None if models is None else stack.enter_context(_libraries(settings, models.compact))
        checkpoints = await stack.enter_async_context(open_checkpoints(settings.home / "checkpoints.sqlite"))

        def parts_with(source: Source, ehr: str | None = None) -> Parts:
            return Parts(
                source=source,
                records=settings.records_folder,
                checkpoints=checkpoints,
                rules=chosen.rules,
                topics=chosen.topics,
                compose=compose,
                composer=COMPOSER,
                product=__version__,
                reader=None if models is None else models.reader,
                library=None if libraries is None else libraries.of(ehr),
                evidence_tokens=settings.evidence_tokens,
            )

        yield parts_with


@dataclass(frozen=True)
class Models:
    """The model that reads, and the compact one where it is loaded: the case library may be embedded by it."""

    reader: Reader
    compact: CompactReader | None


def _models(settings: Settings) -> Models:
    from sidenote.models import open_compact, open_image_model
    from tools.med_vlm.catalogue import guarded

    if settings.image_model_spec is not None:
        return Models(open_image_model(settings), None)
    compact = open_compact(settings.model_folder)
    return Models(guarded(compact), compact)


def _libraries(settings: Settings, compact: CompactReader | None) -> AbstractContextManager[CaseLibraries]:
    from sidenote.case_libraries import case_libraries
    from sidenote.encoders import encoder_named

    return case_libraries(settings, encoder_named(settings.encoder, settings.model_folder, reader=compact))


async def check_parts(settings: Settings, sources: Sequence[str], *, image_model: bool = True) -> None:
    """Look at everything a review needs, as far as it can be seen without loading a model: before work goes to other processes.

    Raises as `wired` does.
    """
    from fhir.source import open_source
    from retrieval.generation.generations import current
    from sidenote.models import check_image_model

    deciders(settings)
    if image_model and settings.image_model != OFF:
        check_image_model(settings)
        site_secret(settings)
        if settings.library_folder.exists():
            current(settings.library_folder)
    await open_source(*sources, access=lambda base: access_of(settings.server, base)).aclose()
