"""Declared test doubles: of a `Reader` and of a `VisionModel`."""
