"""LDS: the listeners of a proxy."""
