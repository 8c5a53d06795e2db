"""The endpoints that change something: signing in and out, launching the app, and the server's misbehaviour."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.chart.desk import COOKIE, Desk, Misshapen, NotHere, form_body, json_body
from sandbox.chart.guard import require_same_origin
from sandbox.chart.launching import Launched, UnknownStudy, launch
from sandbox.chart.misbehaviour import PlanInvalid, plan_of
from sandbox.chart.sessions import THEMES, SignedIn


class Acting:
    """Do what a page asks for, when it may."""

    def __init__(self, desk: Desk) -> None:
        """At `desk`."""
        self.desk = desk

    async def sign_in(self, request: Request) -> Response:
        """Begin a session as one of the pretend clinicians. The cookie goes to the chart's own pages alone."""
        require_same_origin(request, self.desk.hospital.origin)
        chosen = (await form_body(request)).get("user")
        user = next((user for user in self.desk.users if user.sub == chosen), None)
        if user is None:
            raise Misshapen
        response = RedirectResponse("/chart", 303)
        response.set_cookie(COOKIE, self.desk.sessions.open(user), path="/chart", httponly=True, samesite="strict")
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session, and with it what was launched from it."""
        signed_in = self.desk.acting(request, (await form_body(request)).get("csrf", ""))
        self.desk.sessions.close(request.cookies.get(COOKIE))
        self.desk.hospital.auth.sign_out(signed_in.user)
        response = RedirectResponse("/", 303)
        response.delete_cookie(COOKIE, path="/chart", httponly=True, samesite="strict")
        return response

    async def theme(self, request: Request) -> Response:
        """Remember light or dark."""
        self.desk.acting(request)
        wanted = (await json_body(request)).get("theme")
        theme = next((theme for theme in THEMES if theme == wanted), None)
        if theme is None:
            raise Misshapen
        self.desk.sessions.set_theme(request.cookies.get(COOKIE, ""), theme)
        return Response(status_code=204)

    async def launch(self, request: Request) -> Response:
        """Mint a launch for the panel: `{"study": id}` or `{}` for the newest study; with `"emergency": true` for emergency access."""
        signed_in = self.desk.acting(request)
        asked = await json_body(request)
        study, emergency = asked.get("study"), asked.get("emergency", False)
        if not isinstance(study, str | None) or not isinstance(emergency, bool):
            raise Misshapen
        minted = self._minted(request, signed_in, study, whole_page=False, emergency=emergency)
        return JSONResponse({"url": minted.url, "origin": minted.origin, "handle": minted.handle, "study": minted.study})

    async def launch_page(self, request: Request) -> Response:
        """Send a window of its own to the app."""
        form = await form_body(request)
        signed_in = self.desk.acting(request, form.get("csrf", ""))
        minted = self._minted(request, signed_in, form.get("study") or None, whole_page=True)
        return RedirectResponse(minted.url, 303)

    def _minted(self, request: Request, signed_in: SignedIn, study: str | None, **how: bool) -> Launched:
        desk = self.desk
        try:
            return launch(desk.hospital, desk.chart(request), signed_in.user, desk.launch_url(), study=study, **how)
        except UnknownStudy as error:
            raise NotHere from error

    async def misbehave(self, request: Request) -> Response:
        """Follow a plan, whole: what it does not name is off."""
        self.desk.acting(request)
        try:
            self.desk.misbehaviour.follow(plan_of(await json_body(request)))
        except PlanInvalid as error:
            raise Misshapen from error
        return JSONResponse({"sentences": list(self.desk.misbehaviour.plan.sentences)})

    async def end_sessions(self, request: Request) -> Response:
        """Make every token worthless, and every renewal."""
        self.desk.acting(request)
        self.desk.misbehaviour.end_sessions()
        return Response(status_code=204)
