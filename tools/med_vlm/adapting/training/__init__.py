"""One training of any strategy: its course, the loop, the state that a kill leaves, and the record of what came of it."""
