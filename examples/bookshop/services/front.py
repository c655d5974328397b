"""The front page: a book with what the other services know of it."""

from __future__ import annotations

from html import escape

from service import Headers, call, serve

_PAGE = """<!doctype html>
<title>{title}</title>
<h1>{title}</h1>
<p>{author}, {year}</p>
<h2>Reviews ({version})</h2>
<ul>{reviews}</ul>"""


def answer(path: str, headers: Headers) -> tuple[int, object]:
    """`/` for people, `/book` for programs; the others show what a mesh lets pass."""
    if path == "/":
        return 200, _page(_book(headers))
    if path == "/book":
        return 200, _book(headers)
    if path == "/ratings":
        return 200, call("http://ratings:9080/ratings", headers)
    if path == "/publisher":
        return 200, call("http://publisher.example/catalogue", headers)
    return 404, {"error": f"there is no {path}"}


def _book(headers: Headers) -> dict[str, dict[str, object]]:
    return {
        "details": call("http://details:9080/details", headers),
        "reviews": call("http://reviews:9080/reviews", headers),
    }


def _page(book: dict[str, dict[str, object]]) -> str:
    details, reviews = book["details"], book["reviews"]
    texts = reviews.get("texts")
    lines = texts if isinstance(texts, list) else [reviews.get("error", "")]
    stars = reviews.get("stars")
    shown = [f"{'★' * stars if isinstance(stars, int) else ''} {line}" for line in lines]
    return _PAGE.format(
        title=escape(str(details.get("title", "A book without details"))),
        author=escape(str(details.get("author", "?"))),
        year=escape(str(details.get("year", "?"))),
        version=escape(str(reviews.get("version", "?"))),
        reviews="".join(f"<li>{escape(line)}</li>" for line in shown),
    )


if __name__ == "__main__":
    serve(answer)
