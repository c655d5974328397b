"""The filters that give requests metadata and state: set_metadata, header_to_metadata and
set_filter_state.
"""

from __future__ import annotations

from tests.interop.filters import filtered, route, typed
from tests.interop.model import Case
from tests.support.client import get
from tests.support.upstream import Script, reply

LOG = (
    "md=%DYNAMIC_METADATA(envoy.filters.http.header_to_metadata)% ns=%DYNAMIC_METADATA(ns)%"
    " other=%DYNAMIC_METADATA(other)%"
)
STATS = r"^(http|cluster|listener|vhost)\.|http_filter_name|set_metadata"
UP = {"up": Script([reply(200, b"ok", "X-Up: one\r\nX-Up: two\r\nSet-Cookie: c=up\r\n")])}


def set_(name: str, fields: str, **more: str) -> Case:
    """A request through set_metadata."""
    filter_ = typed("set_metadata.v3.Config", fields)
    options = {"stats": STATS, "log": LOG, **more}
    return filtered(f"set_metadata_{name}", filter_, get("/x"), **options)


def entry(value: str, namespace: str = "ns", *, overwrite: bool = False) -> str:
    """One of `metadata`."""
    allow = ", allow_overwrite: true" if overwrite else ""
    return f"{{metadata_namespace: {namespace}, value: {{{value}}}{allow}}}"


def rules(*each: str, more: str = "") -> str:
    """header_to_metadata with rules for requests."""
    return typed("header_to_metadata.v3.Config", f"request_rules: [{', '.join(each)}]{more}")


def headers(name: str, filter_: str, *requests: bytes, **more: str) -> Case:
    """Requests through header_to_metadata."""
    options = {"stats": STATS, "log": LOG, **more}
    return filtered(
        f"header_to_metadata_{name}", filter_, *(requests or FOUR), upstreams=UP, **options
    )


def rule(present: str = "", missing: str = "", source: str = "header: X-A", more: str = "") -> str:
    """A rule with what becomes of a value."""
    parts = [source]
    if present:
        parts.append(f"on_header_present: {{{present}}}")
    if missing:
        parts.append(f"on_header_missing: {{{missing}}}")
    return f"{{{', '.join(parts)}{more}}}"


def with_a(*values: str) -> bytes:
    """A request with the header, once for each value."""
    return get("/x", headers="".join(f"X-A: {value}\r\n" for value in values))


FOUR = (with_a("one"), with_a("one", "two"), with_a(""), with_a())
K = "metadata_namespace: ns, key: k"
REWRITE = "regex_value_rewrite: {pattern: {regex: '^(.)(.*)$'}, substitution: '\\2-\\1'}"
GONE = "regex_value_rewrite: {pattern: {regex: '.*'}, substitution: ''}"
OF_RESPONSES = typed(
    "header_to_metadata.v3.Config",
    f"stat_prefix: $st, response_rules: [{rule(K, 'key: m, value: none', 'header: x-up')}, "
    f"{rule('key: n', 'key: m, value: none', 'header: x-none')}, "
    f"{rule('key: s', '', 'header: set-cookie', ', remove: true')}]",
)


def state_value(key: str, text: str, source: str = "", more: str = "") -> str:
    """A value of filter state."""
    parts = ", ".join(
        part for part in (f"text_format_source: {{inline_string: {text}}}", source) if part
    )
    return f"{{object_key: {key}, factory_key: envoy.string, format_string: {{{parts}}}{more}}}"


def state(
    name: str, values: str, at_route: str = "", at_host: str = "", more: str = "", routes: str = ""
) -> Case:
    """A request through set_filter_state."""
    own = {"set_filter_state": at_route} if at_route else {}
    given = route(**own)
    host = f", typed_per_filter_config: {{set_filter_state: {at_host}}}" if at_host else ""
    hosts = f"[{{name: vh, domains: ['*'], routes: [{given}]{host}}}]"
    return filtered(
        f"set_filter_state_{name}",
        typed("set_filter_state.v3.Config", f"on_request_headers: [{values}], {more}".rstrip(", ")),
        with_a("one"),
        virtual_hosts="" if routes else hosts,
        routes=routes or "[]",
        log="k=%FILTER_STATE(k:PLAIN)% m=%FILTER_STATE(m:PLAIN)% r=%FILTER_STATE(r)%",
    )


KEY_AGAIN = "'%FILTER_STATE(k:PLAIN)% again'"
STATE_AT_ROUTE = typed(
    "set_filter_state.v3.Config",
    f"on_request_headers: [{state_value('k', 'route')}, {state_value('r', 'route')}]",
)
STATE_AT_HOST = typed(
    "set_filter_state.v3.Config",
    f"on_request_headers: [{state_value('k', 'host')}, {state_value('m', 'host')}]",
)

CASES = (
    set_("one", f"metadata: [{entry('a: 1, b: text, c: true, d: null, e: [1, 2], f: {g: 1.5}')}]"),
    set_("two_namespaces", f"metadata: [{entry('a: 1')}, {entry('a: 2', 'other')}]"),
    set_("not_overwritten", f"metadata: [{entry('a: 1')}, {entry('b: 2')}, {entry('c: 3')}]"),
    set_("overwritten", f"metadata: [{entry('a: 1, b: 1')}, {entry('a: 2', overwrite=True)}]"),
    set_("objects_join",
         f"metadata: [{entry('o: {a: 1, b: {c: 2}}')},"
         f" {entry('o: {b: {d: 3}, e: 4}', overwrite=True)}]"),
    set_("lists_grow", f"metadata: [{entry('l: [1]')}, {entry('l: [2, 3]', overwrite=True)}]"),
    set_("kinds_change", f"metadata: [{entry('a: 1, l: [1], o: {x: 1}')},"
         f" {entry('a: {y: 1}, l: text, o: [2]', overwrite=True)}]"),
    set_("empty_value", f"metadata: [{entry('')}, {entry('a: 1')}]"),
    set_("older_fields", "metadata_namespace: ns, value: {a: 1}"),
    set_("older_fields_and_new", "metadata_namespace: ns, value: {a: 1},"
         f" metadata: [{entry('b: 2')}, {entry('c: 3', overwrite=True)}]"),
    set_("nothing", ""),
    set_("without_a_route", f"metadata: [{entry('a: 1')}]", routes="[]"),
    set_("at_a_route", f"metadata: [{entry('a: 1')}]", routes="[" + route(set_metadata=typed(
         "set_metadata.v3.Config", f"metadata: [{entry('b: 2')}, {entry('c: 3')}]")) + "]"),
    set_("overwritten_at_a_route", f"metadata: [{entry('a: 1')}]", routes="["
         + route(set_metadata=typed("set_metadata.v3.Config",
                 f"metadata: [{entry('a: 2', overwrite=True)}]")) + "]"),
    headers("present", rules(rule(K))),
    headers("default_namespace", rules(rule("key: k"))),
    headers("missing", rules(rule("", f"{K}, value: none"))),
    headers("both", rules(rule(K, "metadata_namespace: other, key: m, value: none"))),
    headers("value", rules(rule(f"{K}, value: fixed"))),
    headers("removed", rules(rule(K, more=", remove: true"))),
    headers("removed_for_the_next", rules(rule(K, more=", remove: true"), rule("key: again"))),
    headers("number", rules(rule(f"{K}, type: NUMBER")), with_a("1.5"), with_a("12"),
            with_a("-1e3"), with_a("abc"), with_a(" 7 ")),
    headers("base64", rules(rule(f"{K}, encode: BASE64")), with_a("aGVsbG8="), with_a("aGVsbG8"),
            with_a("!!"), with_a("aGVsbG8*")),
    headers("base64_number", rules(rule(f"{K}, encode: BASE64, type: NUMBER")), with_a("MTI=")),
    headers("rewritten", rules(rule(f"{K}, {REWRITE}"))),
    headers("rewritten_to_nothing", rules(rule(f"{K}, {GONE}"), more=", stat_prefix: $st")),
    headers("too_long", rules(rule(K), more=", stat_prefix: $st"), with_a("x" * 8191),
            with_a("x" * 8192)),
    headers("cookie", rules(rule(K, "key: m, value: none", "cookie: c")),
            get("/x", headers="Cookie: a=b; c=found\r\n"), get("/x", headers="Cookie: c=\r\n"),
            get("/x", headers='Cookie: c="quoted"\r\n'), get("/x")),
    headers("stats", rules(rule(K, "key: m, value: none"), more=", stat_prefix: $st")),
    headers("stats_of_numbers", rules(rule(f"{K}, type: NUMBER"), more=", stat_prefix: $st")),
    headers("pseudo_header", rules(rule(K, source="header: ':path'"))),
    headers("host", rules(rule(K, source="header: host"))),
    headers("responses", OF_RESPONSES, get("/x")),
    headers("responses_of_the_proxy", OF_RESPONSES, get("/x"), routes="[]"),
    headers("later_rules_win", rules(rule(K), rule(f"{K}, value: later"))),
    headers("at_a_route", rules(rule(K)), routes="["
            + route(header_to_metadata=rules(rule("key: route"))) + "]"),
    headers("only_at_a_route", typed("header_to_metadata.v3.Config"), routes="["
            + route(header_to_metadata=rules(rule("key: route"), more=", stat_prefix: $st")) + "]"),
    state("texts", state_value("k", "'a %REQ(x-a)%'")),
    state("two", f"{state_value('k', 'one')}, {state_value('m', 'two')}"),
    state("later_ones_win", f"{state_value('k', 'one')}, {state_value('k', 'two')}"),
    state("empty", state_value("k", "'%REQUEST_HEADER(x-none)%'", "omit_empty_values: true")),
    state("empty_skipped", state_value("k", "''", more=", skip_if_empty: true")),
    state("earlier_values", f"{state_value('k', 'one')}, {state_value('m', KEY_AGAIN)}"),
    state("read_only", f"{state_value('k', 'one', more=', read_only: true')}"),
    state("at_a_route", state_value("k", "filter"), STATE_AT_ROUTE),
    state("at_two_levels", state_value("k", "filter"), STATE_AT_ROUTE, STATE_AT_HOST),
    state("without_a_route", state_value("k", "one"), routes="[]"),
    state("route_chosen_again", state_value("k", "one"), more="clear_route_cache: true"),
    filtered("set_metadata_then_header", (
        typed("set_metadata.v3.Config", f"metadata: [{entry('a: 1, k: set')}]"), rules(rule(K))),
        *FOUR, log=LOG),
    filtered("header_then_set_metadata", (
        rules(rule(K)), typed("set_metadata.v3.Config", f"metadata: [{entry('a: 1, k: set')}]")),
        *FOUR, log=LOG),
)  # fmt: skip
