"""The steps of a review, one file each. A step is a function of its inputs; `agent.graph` wires them."""
