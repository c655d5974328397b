"""Listener filters: one module a kind."""
