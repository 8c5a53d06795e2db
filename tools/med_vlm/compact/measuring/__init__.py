"""How good the model is: measures with intervals, of held-out phantoms, of what it drafts, and of images from elsewhere."""
