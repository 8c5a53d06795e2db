"""The HTML shells, their files, and our public keys. A shell knows nothing of a patient; what it shows comes by the API."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from fhir.errors import IssuerUnknown
from fhir.smart import KeyClient, public_jwks
from sidenote.ehrs import ancestors_of
from sidenote.web.bearer import PartsOf
from sidenote.web.encoding import takes_gzip
from sidenote.web.errors import NotFound
from sidenote.web.headers import framed_by
from sidenote.web.shell import Shell

router = APIRouter(include_in_schema=False)
_REFUSED = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="robots" content="noindex" />
    <title>Sidenote: {title}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="{up}static/tokens.css" />
    <link rel="stylesheet" href="{up}static/sidebar.css" />
  </head>
  <body>
    <header class="top">
      <b>Sidenote</b>
      <p>Research software, not a medical device<br />Not for time-critical decisions</p>
    </header>
    <main id="main">
      <h1>{title}</h1>
      <p class="note">{words}</p>
    </main>
  </body>
</html>
"""


def _refused(status: int, title: str, words: str, up: str = "./") -> Response:
    return HTMLResponse(_REFUSED.format(title=escape(title), words=escape(words), up=up), status)


def _shell(request: Request) -> Shell:
    shell: Shell = request.app.state.shell
    return shell


@router.get("/")
@router.get("/standalone")
async def start(request: Request, parts: PartsOf) -> Response:
    """What this is, and a choice of EHRs to begin at."""
    return HTMLResponse(_shell(request).page(), headers=framed_by(ancestors_of(parts.ehrs)))


@router.get("/launch")
async def launch(request: Request, parts: PartsOf) -> Response:
    """Where an EHR sends its user (App Launch 2.2, 3.1). Nobody is asked anything until the page asks for it."""
    given = request.query_params
    if [len(given.getlist(name)) for name in ("iss", "launch")] != [1, 1]:
        return _refused(400, "This launch cannot be used", "It lacks `iss` or `launch`, or has one twice. Open Sidenote from the chart.")
    try:
        tenant = parts.tenants.of(given["iss"])
    except IssuerUnknown:
        return _refused(400, "This EHR is not known here", "The launch names a server that is not configured. Nothing was asked of it.")
    return HTMLResponse(_shell(request).page(), headers=framed_by(tenant.ancestors))


@router.get("/callback/{name}")
async def callback(request: Request, name: str, parts: PartsOf) -> Response:
    """Where an EHR sends the browser back to. The page hands the query over; nothing is redirected anywhere."""
    try:
        tenant = parts.tenants.named(name)
    except NotFound:
        return _refused(404, "This EHR is not known here", "Open Sidenote from the chart.", "../")
    return HTMLResponse(_shell(request).page("../"), headers=framed_by(tenant.ancestors))


@router.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """One file of the page.

    Raises:
        NotFound: it is not in the table.
    """
    found = _shell(request).files.get(name)
    if found is None:
        raise NotFound
    packed = takes_gzip(request.headers.get("accept-encoding", ""))
    # a weak tag: the packed bytes are the same file in another coding (RFC 9110 8.8.3.3)
    headers = {"ETag": f"W/{found.etag}" if packed else found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed:
        return Response(found.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=found.media_type)
    return Response(found.content, headers=headers, media_type=found.media_type)


@router.get("/.well-known/jwks.json")
async def jwks(parts: PartsOf) -> Response:
    """Public halves of the keys that we prove ourselves with (RFC 7517 5; App Launch 2.2, client-confidential-asymmetric)."""
    clients = [tenant.issuer.client for tenant in parts.tenants]
    keys = {client.kid: client for client in clients if isinstance(client, KeyClient)}
    return JSONResponse(public_jwks(keys.values()), headers={"Cache-Control": "public, max-age=300"})
