"""What an index measures on its own cases before it answers: how near is near, how much each distance weighs, what is poisoned."""
