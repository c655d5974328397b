"""Answers of the names of a mesh, over DNS."""
