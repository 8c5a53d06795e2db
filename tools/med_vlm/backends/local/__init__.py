"""Models that run in this process: a folder in a layout that transformers knows, read without running any code of its own."""

from tools.med_vlm.backends.local.opening import open_local

__all__ = ["open_local"]
