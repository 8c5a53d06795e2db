"""What comes in: an archive's cases, each read strictly, and the signature of the site that put them there."""
