"""Filters in Python: found, checked and handed to the workers."""
