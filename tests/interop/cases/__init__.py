"""The differential cases, one module a topic; each has a tuple CASES."""
