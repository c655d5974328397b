"""Envoy messages for tests of the compile functions, written as YAML."""

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from google.protobuf import json_format

from lateen.protos import envoy_types
from lateen.proxy.compile.context import CompileContext
from lateen.proxy.compile.extensions import known_extensions
from lateen.proxy.compile.network_filters.owner import HttpFilterOwner
from lateen.proxy.compile.supported import support_table

OWNER = HttpFilterOwner("web")
ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
}


def message(name, text):
    """The message `name` (below `envoy.`) that the YAML `text` describes."""
    return message_of(f"envoy.{name}", text)


def message_of(full_name, text):
    """The message of any package that the YAML `text` describes."""
    types = envoy_types()
    empty = types.message_class(full_name)()
    source = yaml.safe_load(textwrap.dedent(text)) if isinstance(text, str) else text
    return json_format.ParseDict(source or {}, empty, descriptor_pool=types.pool)


@dataclass
class Files:
    """Files that a configuration names, in memory."""

    content: dict[str, bytes] = field(default_factory=dict)

    def read(self, path):
        if path not in self.content:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.content[path]


def context(**given):
    """A context whose files are not there, unless `files` has them."""
    files = Files(given.pop("files", {}))
    return CompileContext(
        types=envoy_types(), extensions=known_extensions(), read_file=files.read, **given
    )


def errors(ctx):
    """`path: message` of every error."""
    return [f"{d.path}: {d.message}" for d in ctx.diagnostics if d.severity == "error"]


def warnings(ctx):
    """`path: message` of every warning."""
    return [f"{d.path}: {d.message}" for d in ctx.diagnostics if d.severity == "warning"]


def unsupported(source, at="x"):
    """`severity path: message` of what a message sets and is not implemented."""
    return [f"{d.severity} {d.path}: {d.message}" for d in support_table().check(source, at)]


def read_from(root):
    """A `read_file` for the files below a directory."""
    return lambda path: (Path(root) / path).read_bytes()
