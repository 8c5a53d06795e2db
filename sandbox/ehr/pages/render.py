"""A page as an answer: filled in with everything escaped, and sent with a strict content policy."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

_CSS = "hospital.css"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    loader = PackageLoader("sandbox.ehr", "pages")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def page(name: str, status: int = 200, *, answers_to: str = "", **values: object) -> Response:
    """The page of a template.

    Args:
        name: Template without its ending: `sign_in`, `consent`, `stopped`.
        status: HTTP status.
        answers_to: Where the answer to its form may be redirected, beside the hospital: Chromium holds redirects to `form-action` too.
        values: What the template takes.
    """
    text = _templates().get_template(f"{name}.html.jinja").render(values)
    return HTMLResponse(text, status, page_headers(answers_to))


def page_headers(answers_to: str = "") -> dict[str, str]:
    """Nothing runs, nothing is cached, nobody but the hospital itself frames it, and its forms lead nowhere else."""
    policy = [
        "default-src 'none'",
        "style-src 'self'",
        "img-src data:",
        f"form-action 'self' {source_of(answers_to)}".rstrip(),
        "frame-ancestors 'self'",
        "base-uri 'none'",
    ]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def source_of(url: str) -> str:
    """The origin of a URL as a content policy names it, for a scheme of an app's own the scheme; "" where there is none.

    >>> source_of("http://127.0.0.1:8000/callback?x"), source_of("myapp:/callback")
    ('http://127.0.0.1:8000', 'myapp:')
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:" if parts.scheme else ""


def style() -> Response:
    """The style sheet of all pages."""
    text = files("sandbox.ehr.pages").joinpath(_CSS).read_text("utf-8")
    return Response(text, media_type="text/css", headers={"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
