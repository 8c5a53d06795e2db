"""The pretend hospital as the npm package fhirclient meets it, in Chromium: from another origin, through the pages a person sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from sandbox.ehr.app import hospital_routes
from sandbox.ehr.auth.clients import Client, User
from sandbox.ehr.auth.grants import Messaging
from sandbox.ehr.config import Config
from sandbox.ehr.hospital import Hospital
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

pytestmark = pytest.mark.journey

LIBRARY = Path(__file__).parents[2] / "node_modules" / "fhirclient" / "build" / "fhir-client.js"
ADA, BEN = User("ada", "Practitioner/ada", "Dr. Ada Sand"), User("ben", "Practitioner/ben", "Dr. Ben Dune")
SCOPES = "openid fhirUser offline_access patient/Patient.rs patient/Observation.rs"
MINE = 7
"""Observations of p1, on pages of three."""
LAUNCH = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<title>launch</title><body></body><script src="/fhir-client.js"></script><script>
const given = new URLSearchParams(location.search);
const asked = {clientId: "npm", scope: given.get("scope"), redirectUri: "/app.html", iss: given.get("iss")};
FHIR.oauth2.authorize({...asked, pkceMode: "required", completeInTarget: true})
  .catch((error) => { document.title = "refused"; document.body.textContent = String(error); });
</script>"""
APP = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<title>app</title><body></body><script src="/fhir-client.js"></script><script>
FHIR.oauth2.ready().then((client) => { window.client = client; document.title = "ready"; })
  .catch((error) => { document.title = "refused"; document.body.textContent = String(error); });
</script>"""


def records() -> list[dict[str, Any]]:
    def observation(number: int, patient: str) -> dict[str, Any]:
        return {
            "resourceType": "Observation",
            "id": f"o{number}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "subject": {"reference": f"Patient/{patient}"},
        }

    people = {"p1": ("Ames", "Ada"), "p2": ("Birch", "Ben")}
    return [
        *({"resourceType": "Patient", "id": name, "name": [{"family": f, "given": [g]}]} for name, (f, g) in people.items()),
        *(observation(number, "p1") for number in range(MINE)),
        observation(99, "p2"),
        {"resourceType": "Practitioner", "id": "ada", "name": [{"family": "Sand"}]},
    ]


@pytest.fixture
def app_origin(site: Callable[..., str], missing: Callable[[str], NoReturn]) -> str:
    if not LIBRARY.is_file():
        missing("the npm package fhirclient is not here: npm ci")
    html, script = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
    return site(
        {"/launch.html": (html, LAUNCH.encode()), "/app.html": (html, APP.encode()), "/fhir-client.js": (script, LIBRARY.read_bytes())}
    )


@pytest.fixture
def client(app_origin: str) -> Client:
    return Client("npm", "public", f"launch launch/patient {SCOPES}", (f"{app_origin}/app.html",), name="The npm app")


@pytest.fixture
def serve(app_origin: str) -> Iterator[Callable[..., Running]]:
    """A hospital that asks people, lets in the app's origin and no other, and gives pages of three."""
    held: list[Any] = []

    def begin(client: Client, **options: Any) -> Running:
        config = Config(page_size=3, requires_token=True, clients=(client,), users=(ADA, BEN), asks=True, cors_origins=(app_origin,))
        manager = running(Store(records()), config, **options)
        held.append(manager)
        return manager.__enter__()

    yield begin
    for manager in held:
        manager.__exit__(None, None, None)


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    """A tab of a browser that remembers nothing; fails on any complaint of the browser, the content policy's among them."""
    context: BrowserContext = chromium.new_context(viewport={"width": 420, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"{request.method} {request.url.partition('?')[0]}"))
    yield page
    context.close()
    assert [each for each in complaints if "favicon" not in each] == []


def begin(tab: Page, app_origin: str, ehr: Running, scope: str, launch: str | None = None) -> None:
    handle = f"&launch={launch}" if launch else ""
    tab.goto(f"{app_origin}/launch.html?iss={ehr.base}&scope={scope.replace(' ', '+')}{handle}")


def read(tab: Page) -> dict[str, Any]:
    """The patient, and the observations of all pages, as the library reads them."""
    tab.wait_for_function("document.title !== 'launch' && document.title !== 'app'")
    assert tab.title() == "ready", tab.inner_text("body")
    found = tab.evaluate(
        """async () => {
          const patient = await client.patient.read();
          const all = await client.patient.request("Observation", {pageLimit: 0, flat: true});
          return {patient: patient.id, user: client.getFhirUser(), all: all.map((each) => each.id), state: client.state.tokenResponse};
        }"""
    )
    assert isinstance(found, dict)
    return found


@pytest.mark.std("A4")
@pytest.mark.std("A10")
def test_an_ehr_launch_of_a_trusted_app_asks_nothing_and_reads_the_patient_page_by_page(
    tab: Page, app_origin: str, client: Client, serve: Callable[..., Running]
) -> None:
    ehr = serve(replace(client, trusted=True))
    handle = ehr.auth.mint_launch(
        patient="p1", need_patient_banner=False, user=BEN, smart_web_messaging=Messaging("http://127.0.0.1:1", "w1"), tenant="ward-3"
    )
    begin(tab, app_origin, ehr, f"launch {SCOPES}", handle)
    found = read(tab)
    assert (found["patient"], found["user"]) == ("p1", "Practitioner/ben")
    assert found["all"] == [f"o{number}" for number in range(MINE)]
    told = {
        name: found["state"][name] for name in ("need_patient_banner", "tenant", "smart_web_messaging_origin", "smart_web_messaging_handle")
    }
    assert list(told.values()) == [False, "ward-3", "http://127.0.0.1:1", "w1"]
    assert ehr.faults.count("/_page/") == 2


@pytest.mark.std("A10")
@pytest.mark.std("A14")
def test_a_standalone_launch_goes_through_sign_in_and_consent_and_is_refreshed(
    tab: Page, app_origin: str, client: Client, serve: Callable[..., Running]
) -> None:
    ehr = serve(client)
    begin(tab, app_origin, ehr, f"launch/patient {SCOPES}")
    tab.get_by_role("button", name="Dr. Ada Sand").click()
    tab.get_by_role("radio", name="Birch, Ben").check()
    tab.get_by_role("button", name="Allow").click()
    found = read(tab)
    assert (found["patient"], found["all"]) == ("p2", ["o99"])
    ehr.auth.tokens.expire_access_tokens()
    tab.evaluate("async () => { client.state.expiresAt = 0; await client.refreshIfNeeded(); }")
    again = read(tab)
    assert again["all"] == ["o99"]
    assert again["state"]["access_token"] != found["state"]["access_token"]
    assert again["state"]["refresh_token"] != found["state"]["refresh_token"]


@pytest.mark.std("A9")
def test_what_a_person_unticks_the_app_does_not_get(tab: Page, app_origin: str, client: Client, serve: Callable[..., Running]) -> None:
    ehr = serve(client)
    begin(tab, app_origin, ehr, f"launch {SCOPES}", ehr.auth.mint_launch(patient="p1", user=ADA))
    tab.get_by_role("checkbox", name="Observation").uncheck()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_function("document.title === 'ready'")
    assert "Observation" not in tab.evaluate("client.state.tokenResponse.scope")
    assert tab.evaluate("client.request('Patient/p1').then((patient) => patient.id)") == "p1"


@pytest.mark.std("A7")
def test_a_no_comes_back_to_the_app_as_access_denied(tab: Page, app_origin: str, client: Client, serve: Callable[..., Running]) -> None:
    ehr = serve(client)
    begin(tab, app_origin, ehr, f"launch {SCOPES}", ehr.auth.mint_launch(patient="p1", user=ADA))
    tab.get_by_role("button", name="Deny").click()
    tab.wait_for_function("document.title === 'refused'")
    assert "nothing was granted" in tab.inner_text("body")


def test_a_script_of_an_origin_that_is_not_let_in_reads_nothing(
    chromium: Browser, site: Callable[..., str], client: Client, serve: Callable[..., Running]
) -> None:
    ehr = serve(client)
    stranger = site({"/": ("text/html", b"<!doctype html><title>stranger</title>")})
    page = chromium.new_page()
    page.goto(f"{stranger}/")
    ask = "(url) => fetch(url, {headers: {Authorization: 'Bearer x'}}).then((answer) => answer.status, (error) => error.name)"
    assert page.evaluate(ask, f"{ehr.base}/Patient/p1") == "TypeError"
    assert page.evaluate(ask, f"{ehr.base}/.well-known/smart-configuration") == "TypeError"
    page.close()


@pytest.mark.std("A19")
def test_the_pages_are_framed_by_the_hospital_itself_and_by_no_other(
    chromium: Browser, site: Callable[..., str], app_origin: str, client: Client, serve: Callable[..., Running]
) -> None:
    """The app's frame in the hospital's own page comes to the sign-in page on its way; in a stranger's page it stays shut."""
    scope = f"launch/patient {SCOPES}".replace(" ", "+")

    def framing(base: str) -> str:
        launch = f"{app_origin}/launch.html?iss={base}&scope={scope}"
        return (
            f'<!doctype html><title>frame</title><link rel="icon" href="data:,"><iframe src="{launch}" width="400" height="700"></iframe>'
        )

    def compose(hospital: Hospital) -> Starlette:
        async def chart(request: Request) -> HTMLResponse:
            return HTMLResponse(framing(hospital.base))

        return Starlette(routes=[Route("/chart", chart), *hospital_routes(hospital)])

    ehr = serve(client, compose=compose)
    page = chromium.new_page()
    page.goto(f"{ehr.origin}/chart")
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name="Dr. Ada Sand").click()
    inside.get_by_role("radio", name="Ames, Ada").check()
    inside.get_by_role("button", name="Allow").click()
    page.frames[1].wait_for_url(f"{app_origin}/app.html*")
    stranger = site({"/": ("text/html", framing(ehr.base).encode())})
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(f"{stranger}/")
    assert inside.get_by_role("button").count() == 0
    page.close()
