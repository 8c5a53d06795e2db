"""What other cases show: a leak-safe index of past studies. Knows a case key, never an identity."""
