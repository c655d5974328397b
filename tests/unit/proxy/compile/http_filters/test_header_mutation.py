from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.header_mutation import (
    compile_header_mutation,
    compile_header_mutation_override,
)
from tests.support.messages import OWNER, context, errors, message

_PACKAGE = "extensions.filters.http.header_mutation.v3"
MUTATIONS = """
mutations:
  request_mutations:
  - remove: X-A
  - append: {header: {key: X-B, value: '%REQ(a)%'}, append_action: ADD_IF_ABSENT}
  - remove_on_match: {key_matcher: {prefix: x-}}
  response_mutations:
  - remove: host
"""


def test_mutations_keep_their_order():
    ctx = context()
    source = message(f"{_PACKAGE}.HeaderMutation", MUTATIONS)
    source.most_specific_header_mutations_wins = True
    compiled = compile_header_mutation(ctx, source, OWNER, "h").header_mutation
    remove, append, on_match = compiled.request
    assert remove.remove == "x-a"
    assert append.append.name == "x-b"
    assert on_match.remove_on_match.prefix == "x-"
    assert compiled.response[0].remove == "host"
    assert compiled.most_specific_header_mutations_wins
    assert errors(ctx) == []


def test_an_override():
    out = FilterOverride(filter="h")
    source = message(f"{_PACKAGE}.HeaderMutationPerRoute", MUTATIONS)
    compile_header_mutation_override(context(), source, out, "o")
    assert out.header_mutation.request[0].remove == "x-a"


def test_pseudo_headers_cannot_be_added():
    ctx = context()
    append = {"append": {"header": {"key": ":path", "value": "/"}}}
    source = {"mutations": {"response_mutations": [append]}}
    compile_header_mutation(ctx, message(f"{_PACKAGE}.HeaderMutation", source), OWNER, "h")
    assert errors(ctx) == [
        "h.mutations.response_mutations[0].append.header.key: :-prefixed or host headers may not be"
        " modified"
    ]
