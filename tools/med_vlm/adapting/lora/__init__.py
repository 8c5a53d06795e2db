"""Adapters of low rank for generative readers: an archive's cases as conversations, and what learns from them."""
