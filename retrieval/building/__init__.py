"""Builds an index and changes it: cases in, a sealed generation out, in one process or on a cluster."""
