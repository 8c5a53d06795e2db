"""Weights from examples: what is done to an image, what is asked of the network, and the loop that goes on after a kill."""
