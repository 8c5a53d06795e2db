"""Composers: what turns evidence into claims."""
