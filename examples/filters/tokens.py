"""Counts the tokens of a model's answer while it streams (server-sent events, one token each)."""

from __future__ import annotations

from lateen.filters import Chunk, ResponseHead, http_filter

EVENT = b"data: "
END = b"data: [DONE]"


@http_filter
class Tokens:
    """Adds an event with the count behind the last one; nothing waits for it."""

    def __init__(self) -> None:
        self.counts = False
        self.line = b""
        self.tokens = 0

    def on_response(self, response: ResponseHead) -> None:
        """Counts in streams of events alone."""
        self.counts = response.headers.get("content-type", "").startswith("text/event-stream")

    def on_response_body(self, chunk: Chunk) -> None:
        """Counts whole lines; the beginning of one waits for the rest."""
        if not self.counts:
            return
        *lines, self.line = (self.line + chunk.data).split(b"\n")
        self.tokens += sum(each.startswith(EVENT) and each != END for each in lines)
        if chunk.end:
            chunk.data += b"event: usage\ndata: %d\n\n" % self.tokens
