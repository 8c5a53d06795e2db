"""What the web door is built with: types alone. `sidenote.web.serving` builds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sidenote.ehrs import Ehr
from sidenote.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from sidenote.audit.store import Audit
    from sidenote.decisions.store import Decisions
    from sidenote.settings import Settings
    from sidenote.web.refusals import Strangers
    from sidenote.web.sessions import Sessions
    from sidenote.web.tenants import Tenants
    from sidenote.wiring import PartsWith


@dataclass(frozen=True, slots=True)
class WebParts:
    """The collaborators of all routes. One set a process, on one event loop."""

    settings: Settings
    public_url: str
    """Under which browsers see us, without a slash at its end."""
    tenants: Tenants
    sessions: Sessions
    parts_with: PartsWith
    """The parts of a review of a source, with the case library of an EHR."""
    audit: Audit
    decisions: Decisions
    image_model: bool
    """Whether images are read."""
    now: Callable[[], datetime]
    strangers: Strangers
    """Tells what those without a session are refused."""
    metrics: Metrics = field(default_factory=Metrics)
    """What this process counts of itself."""

    @property
    def ehrs(self) -> tuple[Ehr, ...]:
        """The EHRs that may launch us."""
        return self.settings.ehr
