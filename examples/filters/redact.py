"""Takes fields out of answers in JSON, wherever they are."""

from __future__ import annotations

import json
from dataclasses import dataclass

from lateen.filters import ResponseHead, http_filter

Json = dict[str, "Json"] | list["Json"] | str | float | bool | None


@dataclass(frozen=True)
class Fields:
    """The filter's configuration: the names of the fields."""

    names: list[str]

    def without(self, value: Json) -> Json:
        """A value without them."""
        if isinstance(value, dict):
            kept = {name: each for name, each in value.items() if name not in self.names}
            return {name: self.without(each) for name, each in kept.items()}
        return [self.without(each) for each in value] if isinstance(value, list) else value


@http_filter(config=Fields, response_body=True)
class Redact:
    """Waits for the whole answer: JSON that has not ended is none."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields

    def on_response(self, response: ResponseHead) -> None:
        """Leaves what is not JSON as it is; what says so and is not fails, and is not let out."""
        if response.headers.get("content-type", "").startswith("application/json"):
            response.body = json.dumps(self.fields.without(json.loads(response.body))).encode()
