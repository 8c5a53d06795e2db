"""How good it is: data sets, metrics with intervals, baselines beside, and studies that run the real path. None is clinical validity."""
