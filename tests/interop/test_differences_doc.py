"""docs/envoy-differences.md lists exactly the cases and verdicts that differ on purpose."""

from __future__ import annotations

import re

from tests.interop.suite import load_topics
from tests.interop.test_verdicts import VERDICTS
from tests.support.proxies import ROOT


def test_doc_lists_the_meant_differences() -> None:
    text = (ROOT / "docs/envoy-differences.md").read_text()
    listed = set(re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.MULTILINE))
    cases = [case for group in load_topics().values() for case in group]
    meant = {case.name for case in cases if case.differs}
    meant |= {verdict.name for verdict in VERDICTS if verdict.differs}
    assert listed == meant, f"missing: {meant - listed}; no such case: {listed - meant}"
