"""What can be looked up about the bound patient, and what a model reads in the images."""
