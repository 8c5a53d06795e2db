"""From trained weights to a model that can be written: gates, calibration, sentences to draft from, and who may be read."""
