"""From an image to a reading: what the network's answers are held to, what is stated of them, where, and in which sentences."""
