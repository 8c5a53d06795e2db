"""How good it is: data sets, metrics, gates."""
