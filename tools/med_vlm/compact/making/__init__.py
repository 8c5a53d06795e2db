"""From nothing to a model folder with its card: the recipes, and the order of their steps."""
