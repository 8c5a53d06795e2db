"""Distillation: the compact model learns what another model answers about an archive's images."""
