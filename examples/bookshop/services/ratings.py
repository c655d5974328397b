"""How many stars the book has."""

from __future__ import annotations

from service import INSTANCE, Headers, serve


def answer(path: str, headers: Headers) -> tuple[int, object]:
    """The stars, with the instance that answers."""
    return 200, {"stars": 4, "instance": INSTANCE}


if __name__ == "__main__":
    serve(answer)
