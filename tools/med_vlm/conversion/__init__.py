"""Published checkpoints into folders that can be pinned and loaded: safetensors, in a layout that transformers reads, and no code."""

from tools.med_vlm.conversion.catalogue import KINDS, convert

__all__ = ["KINDS", "convert"]
