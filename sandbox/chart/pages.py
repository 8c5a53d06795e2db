"""The pages as HTML: what each template is given. Everything is escaped; no template holds a script or a style."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from fhir.chart import Chart
from sandbox.chart import documents, lines, results
from sandbox.chart.identity import Identity, allergy_badge, identity_of
from sandbox.chart.imaging import imaging
from sandbox.chart.misbehaviour import REFUSABLE, Plan
from sandbox.chart.patients import Listed
from sandbox.chart.sessions import SignedIn
from sandbox.chart.times import shown
from sandbox.ehr.auth.clients import User

_TEMPLATES = Path(__file__).parent / "templates"


def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(_TEMPLATES)
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page of somebody who is signed in."""

    signed_in: SignedIn
    plan: Plan
    now: datetime


class Pages:
    """Renders the pages."""

    def __init__(self, app_name: str) -> None:
        """`app_name` is how the chart calls the app in its panel."""
        self._environment = _environment()
        self._app_name = app_name

    def entrance(self, users: tuple[User, ...]) -> str:
        """Where people sign in; the first one is chosen already."""
        return self._render("entrance.html", users=users, theme="auto", app_name=self._app_name)

    def refused(self, title: str, detail: str) -> str:
        """An error page."""
        return self._render("refused.html", title=title, detail=detail, theme="auto", app_name=self._app_name)

    def patients(self, frame: Frame, rows: tuple[Listed, ...]) -> str:
        """The patient list."""
        return self._render("patients.html", rows=rows, **self._framed(frame))

    def chart(self, frame: Frame, chart: Chart, rows: tuple[Listed, ...]) -> str:
        """One patient's chart."""
        now = frame.now
        allergic = lines.active_allergies(chart)
        places = [row.identity.id for row in rows]
        place = places.index(chart.patient.id)
        return self._render(
            "chart.html",
            **self._framed(frame),
            rows=rows,
            identity=identity_of(chart, now),
            previous=_step(rows, place, -1),
            next=_step(rows, place, 1),
            badge=allergy_badge(allergic, tuple(map(lines.allergy_name, allergic))),
            problems=lines.problems(chart, now),
            medications=lines.medications(chart, now),
            allergies=lines.allergies(chart, now),
            orders=lines.orders(chart, now),
            encounters=lines.encounters(chart, now),
            procedures=lines.procedures(chart, now),
            laboratory=results.laboratory(chart, now),
            vital_signs=results.vital_signs(chart, now),
            studies=imaging(chart, now),
            notes=documents.notes(chart, now),
            drafts=documents.drafts(chart, now),
        )

    def _framed(self, frame: Frame) -> dict[str, Any]:
        return {
            "signed_in": frame.signed_in,
            "theme": frame.signed_in.theme,
            "plan": frame.plan,
            "refusable": REFUSABLE,
            "clock": shown(frame.now.isoformat()),
            "app_name": self._app_name,
        }

    def _render(self, name: str, **values: Any) -> str:
        return self._environment.get_template(f"{name}.jinja").render(**values)


def _step(rows: tuple[Listed, ...], place: int, by: int) -> Identity | None:
    other = place + by
    return rows[other].identity if 0 <= other < len(rows) else None
