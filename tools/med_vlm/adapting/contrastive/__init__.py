"""Contrastive alignment: an image tower and a text tower drawn to each other on an archive's pairs."""
