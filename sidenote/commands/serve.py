"""`sidenote serve`: the web door, until the process is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import click

from sidenote.errors import SettingsInvalid
from sidenote.problems import refusals
from sidenote.settings import Settings, load_settings


@click.command()
def serve() -> None:
    """Serve the sidebar to the EHRs that may launch it. What they are stands in the configuration; see `sidenote doctor`.

    TLS is a proxy's task: browsers and EHRs come to `public_url`, which must be https but on this machine.
    """
    from sidenote.telemetry.logs import installed

    with refusals():
        settings = load_settings()
        with installed() as sweep:
            asyncio.run(_served(settings, sweep))


async def _served(settings: Settings, sweep: Callable[[], None]) -> None:
    from sidenote.web.app import create_app
    from sidenote.web.listening import Listening
    from sidenote.web.serving import web_parts

    async with web_parts(settings) as parts:
        app = create_app(parts)
        sweep()  # libraries that were loaded since may have hung handlers of their own
        with _listener(settings) as listener:
            click.echo(f"Sidenote listens at {settings.host}:{listener.getsockname()[1]} for {parts.public_url}")
            await Listening(app, parts.sessions.aclose).serve(sockets=[listener])


def _listener(settings: Settings) -> socket.socket:
    """The socket of the settings.

    Raises:
        SettingsInvalid: the address cannot be had.
    """
    from sidenote.web.listening import bound

    try:
        return bound(settings.host, settings.port)
    except OSError as error:
        raise SettingsInvalid(f"host, port: cannot listen there: {error.strerror or type(error).__name__}") from error
