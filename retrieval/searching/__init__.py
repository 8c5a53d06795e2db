"""What is done with a query: who may be found, in which order, and why each case is comparable."""
