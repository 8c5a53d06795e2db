"""Makes a reader of a model that answers: what it is asked of each finding, and what of the answers is taken."""
