"""Which filter chain takes a connection: every criterion, their precedence, what is left over."""

from __future__ import annotations

from tests.interop.cases.tcp_proxy import STATS, file_log, tcp_filter
from tests.interop.config import HCM, ROUTER
from tests.interop.model import Case, End, Open, Read, Receive, Step, Write
from tests.support.client import get
from tests.support.upstream import Close, Script, tcp

ANYWHERE = "address: {socket_address: {address: 0.0.0.0, port_value: $listener}}"
HTTP = """{name: envoy.filters.network.http_connection_manager, typed_config: {
  "@type": HCM,
  stat_prefix: $http, route_config: {virtual_hosts: [{name: v, domains: ["*"], routes: [
    {match: {prefix: /}, direct_response: {status: 200, body: {inline_string: http}}}]}]},
  http_filters: [{name: router, typed_config: {"@type": ROUTER}}]}}""".replace("HCM", HCM).replace(
    "ROUTER", ROUTER
)


def says(name: str) -> Script:
    """An upstream that says its name."""
    return tcp(name.encode(), Close())


def chain(name: str, match: str = "", filters: str = "") -> str:
    """A chain that goes to the cluster of its name."""
    given = f"filter_chain_match: {{{match}}}, " if match else ""
    return (
        f"{{name: {name}, {given}filters: [{filters or tcp_filter(cluster=f'cluster: ${name}')}]}}"
    )


def chosen(
    name: str,
    chains: list[str],
    *steps: Step,
    default: str = "",
    more: str = "",
    log: str = f"access_log: [{file_log()}]",
) -> Case:
    """A connection, and which of the chains a, b, c, d takes it."""
    listener = f"filter_chains: [{', '.join(chains)}]\n{log}\n{more}"
    if default:
        listener += f"\ndefault_filter_chain: {default}"
    return Case(
        name, steps or (Receive(2), End()), listener=listener, stats=STATS,
        clusters="[" + ", ".join(f"{{name: ${n}, hosts: [$up{n}]}}" for n in "abcd") + "]",
        upstreams={f"up{n}": says(n) for n in "abcd"},
    )  # fmt: skip


def prefixes(field: str, *ranges: str) -> str:
    """A list of address ranges."""
    cidrs = [text.split("/") for text in ranges]
    shown = ", ".join(f"{{address_prefix: '{a}', prefix_len: {n}}}" for a, n in cidrs)
    return f"{field}: [{shown}]"


def to(*addresses: str) -> tuple[Step, ...]:
    """A connection to each address of this machine, one after the other."""
    return tuple(s for a in addresses for s in (Open(to=a), Receive(2), End()))


def from_(*addresses: str) -> tuple[Step, ...]:
    """A connection from each address of this machine, one after the other."""
    return tuple(s for a in addresses for s in (Open(source=a), Receive(2), End()))


CASES = (
    chosen("chain_only_one", [chain("a")]),
    chosen("chain_destination_port", [chain("a", "destination_port: $listener"), chain("b")]),
    chosen("chain_other_destination_port", [chain("a", "destination_port: 1"), chain("b")]),
    chosen(
        "chain_destination_port_is_final",
        [chain("a", "destination_port: $listener, source_ports: [1]"), chain("b")],
    ),
    chosen(
        "chain_destination_ranges",
        [
            chain("a", prefixes("prefix_ranges", "127.0.0.0/8")),
            chain("b", prefixes("prefix_ranges", "127.0.0.2/32", "10.0.0.0/8")),
            chain("c", prefixes("prefix_ranges", "127.0.0.0/30")),
            chain("d"),
        ],
        *to("127.0.0.1", "127.0.0.2", "127.0.0.9"),
        more=ANYWHERE,
    ),
    chosen(
        "chain_range_is_final",
        [chain("a", prefixes("prefix_ranges", "127.0.0.0/8") + ", source_ports: [1]"), chain("b")],
    ),
    chosen(
        "chain_ipv4_on_an_ipv6_socket",
        [
            chain("a", prefixes("prefix_ranges", "::/0")),
            chain("b", prefixes("prefix_ranges", "127.0.0.0/8")),
        ],
        more="address:"
        " {socket_address: {address: '::', port_value: $listener, ipv4_compat: true}}",
    ),
    chosen(
        "chain_ipv6_range",
        [chain("a", prefixes("prefix_ranges", "::/0")), chain("b", "transport_protocol: tls")],
    ),
    chosen("chain_server_name_without_one", [chain("a", "server_names: [a.test]"), chain("b")]),
    chosen("chain_only_server_names", [chain("a", "server_names: [a.test, '*.b.test']")]),
    chosen(
        "chain_transport_protocol",
        [
            chain("a", "transport_protocol: tls"),
            chain("b"),
            chain("c", "transport_protocol: raw_buffer"),
        ],
    ),
    chosen("chain_only_tls", [chain("a", "transport_protocol: tls")]),
    chosen(
        "chain_application_protocols",
        [chain("a", "application_protocols: [h2, http/1.1]"), chain("b")],
    ),
    chosen(
        "chain_direct_source",
        [
            chain("a", prefixes("direct_source_prefix_ranges", "127.0.0.0/24")),
            chain("b", prefixes("direct_source_prefix_ranges", "127.0.0.3/32")),
            chain("c"),
        ],
        *from_("127.0.0.2", "127.0.0.3", "127.0.1.1"),
    ),
    chosen(
        "chain_source_type",
        [
            chain("a", "source_type: EXTERNAL"),
            chain("b", "source_type: SAME_IP_OR_LOOPBACK"),
            chain("c"),
        ],
        *from_("127.0.0.1", "127.0.0.2"),
    ),
    chosen("chain_only_external", [chain("a", "source_type: EXTERNAL")]),
    chosen(
        "chain_source_ranges",
        [
            chain("a", prefixes("source_prefix_ranges", "127.0.0.0/8")),
            chain("b", prefixes("source_prefix_ranges", "127.0.0.2/32")),
            chain("c", prefixes("source_prefix_ranges", "10.0.0.0/8")),
        ],
        *from_("127.0.0.1", "127.0.0.2", "127.0.0.3"),
    ),
    chosen(
        "chain_source_port",
        [chain("a", "source_ports: [1, $dead]"), chain("b")],
        Open(dead_port=True, source="127.0.0.1"), Receive(2), End(), Receive(2), End(),
    ),
    chosen(
        "chain_port_before_range",
        [
            chain("a", prefixes("prefix_ranges", "127.0.0.1/32")),
            chain("b", "destination_port: $listener"),
        ],
    ),
    chosen(
        "chain_range_before_transport",
        [
            chain("a", "transport_protocol: raw_buffer"),
            chain("b", prefixes("prefix_ranges", "127.0.0.1/32")),
        ],
    ),
    chosen(
        "chain_transport_before_source",
        [
            chain("a", prefixes("source_prefix_ranges", "127.0.0.1/32")),
            chain("b", "transport_protocol: raw_buffer"),
        ],
    ),
    chosen(
        "chain_direct_source_before_type",
        [
            chain("a", "source_type: SAME_IP_OR_LOOPBACK"),
            chain("b", prefixes("direct_source_prefix_ranges", "127.0.0.1/32")),
        ],
    ),
    chosen(
        "chain_type_before_range",
        [
            chain("a", prefixes("source_prefix_ranges", "127.0.0.1/32")),
            chain("b", "source_type: SAME_IP_OR_LOOPBACK"),
        ],
    ),
    chosen(
        "chain_range_before_port",
        [
            chain("a", "source_ports: [$dead]"),
            chain("b", prefixes("source_prefix_ranges", "127.0.0.1/32")),
        ],
        Open(dead_port=True, source="127.0.0.1"), Receive(2), End(),
    ),
    chosen("chain_none_matches", [chain("a", "source_ports: [1]")]),
    chosen("chain_none_matches_unread", [chain("a", "source_ports: [1]")], Write(b"x"), End()),
    chosen("chain_default", [chain("a", "source_ports: [1]")], default=chain("b")),
    chosen("chain_default_not_needed", [chain("a")], default=chain("b")),
    chosen("chain_default_alone", [], default=chain("b")),
    chosen(
        "chain_default_after_port",
        [chain("a", "destination_port: $listener, source_ports: [1]"), chain("c")],
        default=chain("b"),
    ),
    chosen("chain_without_filters", ["{name: none, filters: []}"]),
    chosen(
        "chain_http_beside_tcp",
        [chain("a", prefixes("source_prefix_ranges", "127.0.0.2/32")), chain("web", filters=HTTP)],
        Open("a", source="127.0.0.2"), Receive(2), End(),
        Write(get()), Read(), End(), log="",
    ),
    chosen(
        "chain_additional_address",
        [
            chain("a", "destination_port: $listener"),
            chain("b", prefixes("prefix_ranges", "127.0.0.5/32")),
        ],
        *to("127.0.0.1", "127.0.0.5"),
        more="additional_addresses:"
        " [{address: {socket_address: {address: 127.0.0.5, port_value: $listener}}}]",
    ),
)  # fmt: skip
