"""Stands for somebody else's service on the internet: it is not of the mesh."""

from __future__ import annotations

from service import Headers, serve


def answer(path: str, headers: Headers) -> tuple[int, object]:
    """What is in print."""
    return 200, {"publisher": "Macmillan", "in_print": ["The Sea-Wolf", "The Call of the Wild"]}


if __name__ == "__main__":
    serve(answer)
