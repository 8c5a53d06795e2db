"""Batch review: many cases through the same graph, each exactly once, through crashes and kills."""
