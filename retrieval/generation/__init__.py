"""One generation of an index as files and in memory: its manifest, its segments, and what of its rows is looked at."""
