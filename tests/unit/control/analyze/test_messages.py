import re
from pathlib import Path

from lateen.control.analyze import messages
from lateen.control.analyze.analyzers import ANALYZERS
from lateen.control.analyze.message import MessageType

PAGE = Path(__file__).parents[4] / "docs" / "analyze.md"
ROW = re.compile(r"\| (IST\d{4}) \| (\w+) \| (\w+) \| (.+) \|")


def test_the_page_lists_every_message_with_its_analyzers():
    types = [one for one in vars(messages).values() if isinstance(one, MessageType)]
    expected = sorted((one.code, str(one.level), one.name) for one in types)
    rows = [found.groups() for found in map(ROW.fullmatch, PAGE.read_text().splitlines()) if found]
    assert [row[:3] for row in rows] == expected
    named = {name for *_, names in rows for name in names.split(", ")}
    assert named == {one.name for one in ANALYZERS}
