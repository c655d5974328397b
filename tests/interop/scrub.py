"""Replaces what varies from run to run or from product to product in texts of the proxies."""

from __future__ import annotations

import re

RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r"[0-9a-f]{40}/1\.40\.0/Clean/RELEASE/BoringSSL", "<version>"),
        (r"lateen/[^\s\"]+", "<version>"),
        # A mark that protobuf puts into texts for people, now this way and now that.
        (r"goo\.gle/debug\w+\s*", ""),
        (r'("ext_authz_duration":)\d+', r"\1<ms>"),
        (r'("uptime_(?:current|all)_epochs?": )"\d+s"', r'\1"<s>"'),
    )
)


def scrub(text: str) -> str:
    """Apply every rule to a text."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
