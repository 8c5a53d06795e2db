"""A site's archive as examples: its pairs, what they mean, what is kept of their images, and how a reader is asked about one."""
