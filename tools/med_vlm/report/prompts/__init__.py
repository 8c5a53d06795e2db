"""What models are told, as text files, and how the words of one study are put into them."""
