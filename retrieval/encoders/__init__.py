"""Encoders: the declared test double, and published models by their folders. The compact model lives with the tool that reads images."""
