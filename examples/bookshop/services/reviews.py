"""What readers say. v1 has no stars, v2 has them, v3 says in which colour."""

from __future__ import annotations

from service import VERSION, Headers, call, serve

_TEXTS = ["A voyage that one does not choose.", "The captain reads Spencer, and hits hard."]


def answer(path: str, headers: Headers) -> tuple[int, object]:
    """The reviews, with the version that answers."""
    found: dict[str, object] = {"version": VERSION, "texts": _TEXTS}
    if VERSION == "v1":
        return 200, found
    ratings = call("http://ratings:9080/ratings", headers)
    found |= {"stars": ratings["stars"]} if "stars" in ratings else {"ratings": ratings}
    return 200, found if VERSION == "v2" else {**found, "colour": "red"}


if __name__ == "__main__":
    serve(answer)
