"""The bench's one kind of failure."""


class BenchError(Exception):
    """Something the bench cannot go on from; the message is meant for the person who ran it."""
