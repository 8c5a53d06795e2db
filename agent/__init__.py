"""How a review thinks: the graph, its state, the composers and the flight record."""
