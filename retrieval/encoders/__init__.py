"""Encoders that belong to the index itself: at present the declared test double. Models live with the tools that run them."""
