from lateen.protos.worker_pb2 import AppendAction, FilterOverride
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


def test_queries_and_trailers_change():
    ctx = context()
    record = {"key": "q", "value": "%REQ(a)%"}
    fields = {
        "query_parameter_mutations": [
            {"append": {"record": record, "action": "ADD_IF_ABSENT"}},
            {"remove": "r"},
        ],
        "request_trailers_mutations": [{"remove": "X-A"}],
        "response_trailers_mutations": [{"remove": "X-B"}],
    }
    source = message(f"{_PACKAGE}.HeaderMutation", {"mutations": fields})
    compiled = compile_header_mutation(ctx, source, OWNER, "h").header_mutation
    added, removed = compiled.query
    assert (added.name, added.value.pieces[0].command.name) == ("q", "REQ")
    assert added.action == AppendAction.ADD_IF_ABSENT
    assert (removed.name, removed.HasField("value")) == ("r", False)
    assert compiled.request_trailers[0].remove == "x-a"
    assert compiled.response_trailers[0].remove == "x-b"
    assert errors(ctx) == []


def test_what_no_parameter_can_be():
    ctx = context()
    mutations = [
        {},
        {"append": {"entry": {"key": "q"}}},
        {"append": {"record": {"key": "q", "value": 1}}, "remove": "q"},
    ]
    source = message(
        f"{_PACKAGE}.HeaderMutation", {"mutations": {"query_parameter_mutations": mutations}}
    )
    compile_header_mutation(ctx, source, OWNER, "h")
    where = "h.mutations.query_parameter_mutations"
    assert errors(ctx) == [
        f"{where}[0]: One of 'append'/'remove' must be specified.",
        f"{where}[1].append: No record specified for append mutation.",
        f"{where}[2]: Only one of 'append'/'remove can be specified.",
        f"{where}[2].append.record: Only string value is allowed for record value.",
    ]
