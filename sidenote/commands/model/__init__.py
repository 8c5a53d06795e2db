"""`sidenote model`: the image models that can read for a review: what they are, whether they are whole, how good, how to make them."""

from __future__ import annotations

import click

from sidenote.commands.model.bringing import backends, convert, pin
from sidenote.commands.model.checking import calibrate, check
from sidenote.commands.model.showing import card, info, list_models
from sidenote.commands.model.training import train


@click.group()
def model() -> None:
    """List, check, calibrate, train and explain the image models."""


for command in (list_models, info, card, backends, pin, convert, check, calibrate, train):
    model.add_command(command)
