"""Phantom chest radiographs: drawn anatomy, drawn findings, known truth."""
