"""Models that match: they score captions against an image, or answers against a question about it, and write nothing."""
