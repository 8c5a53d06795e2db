"""Masked language modelling beside the image: hidden words of an archive's reports, guessed by models that fuse words and regions."""
