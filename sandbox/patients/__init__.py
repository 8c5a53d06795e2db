"""Synthetic patients. Each is a story that must end in a known way, and says so beside itself."""
