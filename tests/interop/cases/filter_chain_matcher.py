"""filter_chain_matcher: the tree that chooses a filter chain by its name."""

from __future__ import annotations

from tests.interop.cases.filter_chains import chain, to
from tests.interop.cases.listener_filters import TLS, WEB, says
from tests.interop.cases.network_filters import INPUT
from tests.interop.cases.tcp_proxy import STATS, file_log
from tests.interop.model import Case, End, Open, Receive, Step, Write
from tests.support.client import get
from tests.support.client_hello import client_hello, protocols, server_name

ANYWHERE = "address: {socket_address: {address: 0.0.0.0, port_value: $listener}}"
_XDS = "type.googleapis.com/xds.type.matcher.v3"


def go(name: str) -> str:
    """An action."""
    value = f'{{"@type": type.googleapis.com/google.protobuf.StringValue, value: {name}}}'
    return f"{{action: {{name: act, typed_config: {value}}}}}"


def tree(source: str, entries: dict[str, str], kind: str = "exact_match_map") -> str:
    """A matcher by the value of an input."""
    quoted = {key.replace("'", "''"): value for key, value in entries.items()}
    shown = ", ".join(f"'{key}': {value}" for key, value in quoted.items())
    return f"matcher_tree: {{input: {INPUT % source}, {kind}: {{map: {{{shown}}}}}}}"


def custom(source: str, kind: str, entries: str) -> str:
    """A matcher by ranges or names."""
    config = f'{{"@type": {_XDS}.{kind}, {entries}}}'
    match = f"custom_match: {{name: c, typed_config: {config}}}"
    return f"matcher_tree: {{input: {INPUT % source}, {match}}}"


def ranges(source: str, *entries: tuple[str, str, str]) -> str:
    """A matcher by address ranges: range, action, more fields."""
    shown = []
    for text, action, more in entries:
        address, length = text.split("/")
        cidr = f"{{address_prefix: '{address}', prefix_len: {length}}}"
        shown.append(f"{{ranges: [{cidr}], on_match: {action}{more}}}")
    return custom(source, "IPMatcher", f"range_matchers: [{', '.join(shown)}]")


def matched(
    name: str,
    matcher: str,
    *steps: Step,
    more: str = "",
    default: bool = False,
) -> Case:
    """A connection, and which of the chains a, b, c takes it."""
    chains = ", ".join(chain(each, "source_ports: [1]") for each in "abc")
    listener = f"filter_chains: [{chains}]\nfilter_chain_matcher: {{{matcher}}}\n{more}\n"
    listener += f"access_log: [{file_log()}]"
    if default:
        listener += f"\ndefault_filter_chain: {chain('d')}"
    return Case(
        name, steps or (Receive(2), End()), listener=listener, stats=STATS,
        clusters="[" + ", ".join(f"{{name: ${n}, hosts: [$up{n}]}}" for n in "abcd") + "]",
        upstreams={f"up{n}": says(n) for n in "abcd"}, ignore_stats="flush",
    )  # fmt: skip


def single(source: str, match: str) -> str:
    """A predicate of one input."""
    return f"single_predicate: {{input: {INPUT % source}, value_match: {{{match}}}}}"


def listed(*entries: tuple[str, str]) -> str:
    """A list of predicates and actions."""
    shown = ", ".join(f"{{predicate: {{{p}}}, on_match: {a}}}" for p, a in entries)
    return f"matcher_list: {{matchers: [{shown}]}}"


CASES = (
    matched("matcher_port", tree("DestinationPortInput", {"$listener": go("b")})),
    matched("matcher_other_port", tree("DestinationPortInput", {"1": go("b")})),
    matched("matcher_other_port_default", tree("DestinationPortInput", {"1": go("b")}),
            default=True),
    matched("matcher_unknown_chain", tree("DestinationPortInput", {"$listener": go("x")}),
            default=True),
    matched("matcher_on_no_match",
            tree("DestinationPortInput", {"1": go("b")}) + f", on_no_match: {go('c')}"),
    matched("matcher_nested",
            tree("DestinationPortInput", {
                "$listener": f"{{matcher: {{{tree('SourceIPInput', {'127.0.0.1': go('c')})}}}}}"})),
    matched("matcher_nested_finds_nothing",
            tree("DestinationPortInput", {
                "$listener": f"{{matcher: {{{tree('SourceIPInput', {'1.1.1.1': go('c')})}}}}}"})
            + f", on_no_match: {go('a')}"),
    matched("matcher_destination_ip",
            tree("DestinationIPInput", {"127.0.0.2": go("a"), "127.0.0.3": go("b")}),
            *to("127.0.0.4", "127.0.0.2", "127.0.0.3"), more=ANYWHERE),
    matched("matcher_prefix",
            tree("DestinationIPInput", {"127.": go("a"), "127.0.0.3": go("b")}, "prefix_match_map"),
            *to("127.0.0.2", "127.0.0.3", "127.0.0.33"), more=ANYWHERE),
    matched("matcher_ranges",
            ranges("DestinationIPInput", ("127.0.0.0/8", go("a"), ""),
                   ("127.0.0.3/32", go("b"), ""), ("127.0.0.2/31", go("c"), "")),
            *to("127.0.0.4", "127.0.0.2", "127.0.0.3"), more=ANYWHERE),
    matched("matcher_ranges_exclusive",
            ranges("SourceIPInput", ("127.0.0.0/8", go("a"), ", exclusive: true"),
                   ("127.0.0.1/32",
                    f"{{matcher: {{{tree('DestinationPortInput', {'1': go('b')})}}}}}", ""))),
    matched("matcher_ranges_not_exclusive",
            ranges("SourceIPInput", ("127.0.0.0/8", go("a"), ""),
                   ("127.0.0.1/32",
                    f"{{matcher: {{{tree('DestinationPortInput', {'1': go('b')})}}}}}", ""))),
    matched("matcher_source_type", tree("SourceTypeInput", {"local": go("b")})),
    matched("matcher_direct_source", tree("DirectSourceIPInput", {"127.0.0.1": go("b")})),
    matched("matcher_source_port", tree("SourcePortInput", {"$dead": go("b")}),
            Open(dead_port=True, source="127.0.0.1"), Receive(2), End()),
    matched("matcher_transport", tree("TransportProtocolInput", {"raw_buffer": go("b")})),
    matched("matcher_transport_tls",
            tree("TransportProtocolInput", {"tls": go("a"), "raw_buffer": go("b")}),
            Write(client_hello(server_name("a.test"))), Receive(2), End(),
            more=f"listener_filters: [{TLS}]"),
    matched("matcher_server_name", tree("ServerNameInput", {"a.test": go("b")}),
            Write(client_hello(server_name("A.test"))), Receive(2), End(),
            more=f"listener_filters: [{TLS}]"),
    matched("matcher_application_protocol",
            tree("ApplicationProtocolInput", {"'http/1.1'": go("b")}),
            Write(get("/")), Receive(2), End(), more=f"listener_filters: [{WEB}]"),
    matched("matcher_application_protocols",
            tree("ApplicationProtocolInput", {"'h2','http/1.1'": go("b")}),
            Write(client_hello(protocols("h2", "http/1.1"))), Receive(2), End(),
            more=f"listener_filters: [{TLS}]"),
    matched("matcher_list",
            listed((single("SourceIPInput", "exact: 1.1.1.1"), go("a")),
                   (single("SourceIPInput", "prefix: '127.'"), go("b")))),
    matched("matcher_list_not",
            listed((f"not_matcher: {{{single('SourceIPInput', 'exact: 127.0.0.1')}}}", go("a")),
                   (single("SourceIPInput", "suffix: '.1'"), go("c")))),
    matched("matcher_list_and",
            listed(("and_matcher: {predicate: [{" + single("SourceIPInput", "contains: '.0.'")
                    + "}, {" + single("DestinationPortInput", "exact: '$listener'") + "}]}",
                    go("c")))),
    matched("matcher_list_or",
            listed(("or_matcher: {predicate: [{" + single("SourceIPInput", "exact: '1'")
                    + "}, {" + single("DestinationPortInput", "exact: '$listener'") + "}]}",
                    go("b")))),
    matched("matcher_empty", "", default=True),
)  # fmt: skip
