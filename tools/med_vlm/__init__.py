"""Reading images: what a medical vision-language model says of a study, and how far it can be trusted."""
