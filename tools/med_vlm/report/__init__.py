"""What a model writes: how it is asked to, repaired once at most, tied to findings, and vetted before it is shown."""
