"""Text in pages."""

from __future__ import annotations


def escape(text: str) -> str:
    """Text as HTML has it."""
    # Imported here: its table of entities takes 0.3 MB, and few proxies have anybody who looks.
    import html

    return html.escape(text)
