"""The routes of the chart pages. They read the hospital's store themselves, and stand outside of what its server's faults strike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.routing import BaseRoute, Route

from sandbox.chart.acting import Acting
from sandbox.chart.desk import Desk
from sandbox.chart.viewing import Viewing
from sandbox.ehr.auth.clients import User
from sandbox.ehr.hospital import Hospital


def chart_routes(
    hospital: Hospital,
    *,
    launch_url: Callable[[], str],
    now: Callable[[], datetime],
    users: tuple[User, ...] | None = None,
    app_name: str = "Sidenote",
    stories: Mapping[str, str] | None = None,
) -> list[BaseRoute]:
    """The chart pages of a hospital: `/`, and all under `/chart`.

    Args:
        hospital: Whose record is shown, and whose authorization server mints the launches.
        launch_url: The app's absolute launch URL; asked anew each time, since a port may be chosen late.
        now: The hospital's present: ages, and "two days ago".
        users: Who may sign in; None for all users of the hospital.
        app_name: How the chart calls the app.
        stories: Patient id to a line for the patient list about what there is to see.
    """
    chosen = hospital.config.users if users is None else users
    desk = Desk(hospital, launch_url=launch_url, users=chosen, app_name=app_name, stories=stories or {}, now=now)
    viewing, acting = Viewing(desk), Acting(desk)
    table = (
        ("GET", "/", viewing.entrance),
        ("POST", "/chart/_/sign-in", acting.sign_in),
        ("POST", "/chart/_/sign-out", acting.sign_out),
        ("POST", "/chart/_/theme", acting.theme),
        ("GET", "/chart/_/server", viewing.server),
        ("POST", "/chart/_/server", acting.misbehave),
        ("POST", "/chart/_/server/sessions", acting.end_sessions),
        ("GET", "/chart/_/static/{name}", viewing.file),
        ("GET", "/chart", viewing.patients),
        ("GET", "/chart/{patient}", viewing.chart),
        ("POST", "/chart/{patient}/launch", acting.launch),
        ("POST", "/chart/{patient}/launch/page", acting.launch_page),
        ("GET", "/chart/{patient}/images/{study}/{number:int}/{size}.png", viewing.image),
    )
    return [Route(path, desk.guarded(endpoint), methods=[method]) for method, path, endpoint in table]
