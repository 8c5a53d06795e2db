"""The doors and the wiring of Sidenote."""

__version__ = "0.1.0"
