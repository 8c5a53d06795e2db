"""Libraries that search vectors, each as it is meant to be used: built, kept on disk, asked with and without a filter."""
