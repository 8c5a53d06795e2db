"""What all pages share: a template environment that escapes, and the hash a strict Content-Security-Policy names."""

from __future__ import annotations

import base64
import hashlib

import jinja2


def environment() -> jinja2.Environment:
    """Escapes every value; a missing value is an error, not an empty string."""
    return jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)


def csp_hash(text: str) -> str:
    """The hash a source expression carries (Content Security Policy Level 3, section 2.3.1)."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
