"""Filters that a matcher tree chooses: composite and match_delegate, with every input."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.tls_downstream import VALIDATED, asked, tls
from tests.interop.filters import PACKAGE, filtered, route, typed
from tests.interop.model import Case, Secure, Step
from tests.support.client import get
from tests.support.upstream import Script, raw, reply

TYPES = "type.googleapis.com"
STATE = "envoy.extensions.filters.http.composite.matched_actions"
LOG = f"actions=%FILTER_STATE({STATE})% plain=%FILTER_STATE({STATE}:PLAIN)%"
NETWORK = "envoy.extensions.matching.common_inputs.network.v3"
SSL = "envoy.extensions.matching.common_inputs.ssl.v3"
HTTP = "envoy.type.matcher.v3"
UP = {"up": Script([reply(200, b"ok", "X-Up: one\r\n")])}
SKIP = f'{{"@type": {TYPES}/envoy.extensions.filters.common.matcher.action.v3.SkipFilter}}'


def marks(mark: str) -> str:
    """A filter that leaves its mark on requests and responses."""
    add = f"{{append: {{header: {{key: x-mark, value: {mark}}}}}}}"
    return typed(
        "header_mutation.v3.HeaderMutation",
        f"mutations: {{request_mutations: [{add}], response_mutations: [{add}]}}",
    )


def given(name: str, fields: str = "") -> str:
    """An input."""
    more = f", {fields}" if fields else ""
    return f'{{name: i, typed_config: {{"@type": {TYPES}/{name}{more}}}}}'


def ext(config: str, name: str = "f") -> str:
    """A TypedExtensionConfig."""
    return f"{{name: {name}, typed_config: {config}}}"


def execute(config: str = "", name: str = "mark", more: str = "") -> str:
    """An action that puts filters in the place of a composite filter."""
    one = f"typed_config: {ext(config, name)}" if config else ""
    fields = ", ".join(part for part in (one, more) if part)
    return typed("composite.v3.ExecuteFilterAction", fields)


def on(action: str, more: str = "") -> str:
    """What a tree comes to."""
    return f"{{action: {ext(action, 'a')}{more}}}"


def tree(input_: str, otherwise: str = "", **actions: str) -> str:
    """A tree over a map."""
    entries = ", ".join(f"'{key}': {on(action)}" for key, action in actions.items())
    rest = f", on_no_match: {on(otherwise)}" if otherwise else ""
    return f"{{matcher_tree: {{input: {input_}, exact_match_map: {{map: {{{entries}}}}}}}{rest}}}"


X_A = given(f"{HTTP}.HttpRequestHeaderMatchInput", "header_name: x-a")
ONE = get("/x", headers="X-A: one\r\n")
TWO = get("/x", headers="X-A: two\r\n")
NONE = get("/x")
THREE = (ONE, TWO, NONE)
COMPOSITE = typed("composite.v3.Composite")
BY_X_A = tree(X_A, one=execute(marks("a")), two=execute(marks("b"), "other"))


def composite(matcher: str = "", more: str = "") -> str:
    """The composite filter with a tree of its own."""
    fields = ", ".join(part for part in (f"matcher: {matcher}" if matcher else "", more) if part)
    return typed("composite.v3.Composite", fields)


def around(filter_: str = COMPOSITE, matcher: str = "", field: str = "xds_matcher") -> str:
    """A match_delegate around a filter."""
    fields = f"extension_config: {ext(filter_, 'inner')}"
    if matcher:
        fields += f", {field}: {matcher}"
    return (
        f'{{"@type": {TYPES}/envoy.extensions.common.matching.v3.ExtensionWithMatcher, {fields}}}'
    )


def chosen(name: str, filter_: str | tuple[str, ...], *steps: Step | bytes, **more: object) -> Case:
    """Requests through a filter that stands for others."""
    options = {"log": LOG, "upstreams": UP, **more}
    return filtered(f"composite_{name}", filter_, *(steps or THREE), **options)


def chain_of(*filters: str) -> str:
    """A FilterChainConfiguration."""
    return f"{{typed_config: [{', '.join(ext(each) for each in filters)}]}}"


def per_route(matcher: str) -> str:
    """The tree of a route for a match_delegate."""
    name = "envoy.extensions.common.matching.v3.ExtensionWithMatcherPerRoute"
    return f'{{"@type": {TYPES}/{name}, xds_matcher: {matcher}}}'


def composite_per_route(matcher: str) -> str:
    """The tree of a route for a composite filter."""
    return typed("composite.v3.CompositePerRoute", f"matcher: {matcher}")


def looks_at(name: str, input_: str, *steps: Step | bytes, **more: str) -> Case:
    """A tree with an input that becomes "one" for some of the requests."""
    options = {"one": "one", **more}
    key = options.pop("one")
    matcher = tree(input_, marks_unless(), **{key: execute(marks("found"))})
    return chosen(f"input_{name}", composite(matcher), *steps, **options)


def marks_unless() -> str:
    """The action where nothing is found."""
    return execute(marks("none"), "none")


def predicate(input_: str, match: str) -> str:
    """One condition of a list."""
    return f"{{single_predicate: {{input: {input_}, value_match: {{{match}}}}}}}"


def listed(*matchers: tuple[str, str]) -> str:
    """A tree that is a list of conditions and actions."""
    each = ", ".join(f"{{predicate: {p}, on_match: {action}}}" for p, action in matchers)
    return f"{{matcher_list: {{matchers: [{each}]}}}}"


def at(override: str, *, name: str, level: str = "route") -> str:
    """The virtual hosts of a filter with an override."""
    own = f", typed_per_filter_config: {{{name}: {override}}}"
    overrides = {name: override} if level == "route" else {}
    host = own if level == "host" else ""
    return f"[{{name: vh, domains: ['*'], routes: [{route(**overrides)}]{host}}}]"


def overridden(
    name: str, filter_: str | tuple[str, ...], override: str, *, of: str, level: str = "route"
) -> Case:
    """Requests of a route that has something to say."""
    return chosen(name, filter_, virtual_hosts=at(override, name=of, level=level), routes="[]")


def with_trailers(value: str) -> bytes:
    """A request with a body in chunks and a trailer."""
    head = b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n"
    return head + f"5\r\nhello\r\n0\r\nX-T: {value}\r\n\r\n".encode()


TRAILERS = "http_protocol_options: {enable_trailers: true}"
UP_TRAILERS = {
    "up": Script(
        [
            raw(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Up: one\r\n\r\n"
                b"2\r\nok\r\n0\r\nX-T: one\r\n\r\n"
            )
        ]
    )
}
X_T = given(f"{HTTP}.HttpRequestTrailerMatchInput", "header_name: x-t")
X_UP = given(f"{HTTP}.HttpResponseHeaderMatchInput", "header_name: x-up")
UP_X_T = given(f"{HTTP}.HttpResponseTrailerMatchInput", "header_name: x-t")
STATUS = given(f"{HTTP}.HttpResponseStatusCodeMatchInput")
STATUS_CLASS = given(f"{HTTP}.HttpResponseStatusCodeClassMatchInput")
LOCAL_REPLY = given(f"{HTTP}.HttpResponseLocalReplyMatchInput")
QUERY = given(f"{HTTP}.HttpRequestQueryParamMatchInput", "query_param: q")
FILTER_STATE = given(f"{NETWORK}.FilterStateInput", "key: k")
METADATA = given(f"{NETWORK}.DynamicMetadataInput", "filter: ns, path: [{key: k}]")
SETS_STATE = typed(
    "set_filter_state.v3.Config",
    "on_request_headers: [{object_key: k, factory_key: envoy.string,"
    " format_string: {text_format_source: {inline_string: '%REQ(x-a)%'}, omit_empty_values: true},"
    " skip_if_empty: true}]",
)
SETS_METADATA = typed(
    "header_to_metadata.v3.Config",
    "request_rules: [{header: x-a, on_header_present: {metadata_namespace: ns, key: k}}]",
)
DENIES = typed(
    "rbac.v3.RBAC",
    "rules: {action: DENY, policies: {p: {permissions: [{any: true}], principals: [{any: true}]}}}",
)
BUFFERS = typed("buffer.v3.Buffer", "max_request_bytes: 4")
LIMITS = typed(
    "local_ratelimit.v3.LocalRateLimit",
    "stat_prefix: lrl, token_bucket: {max_tokens: 1, fill_interval: 3600s},"
    " filter_enabled: {default_value: {numerator: 100}},"
    " filter_enforced: {default_value: {numerator: 100}},"
    " response_headers_to_add: [{header: {key: x-limited, value: 'yes'}}]",
)
CORS = typed("cors.v3.Cors")
CORS_ROUTE = typed(
    "cors.v3.CorsPolicy",
    "allow_origin_string_match: [{exact: 'http://a.test'}], allow_methods: 'GET'",
)
FAULT = typed("fault.v3.HTTPFault", "abort: {http_status: 418, percentage: {numerator: 100}}")
POST = b"POST /x HTTP/1.1\r\nHost: a.test\r\nX-A: one\r\nContent-Length: 5\r\n\r\nhello"
SHORT = b"POST /x HTTP/1.1\r\nHost: a.test\r\nX-A: one\r\nContent-Length: 2\r\n\r\nhe"
NESTED = (
    f"{{matcher_tree: {{input: {X_A}, exact_match_map: {{map: {{one: {{matcher:"
    f" {tree(QUERY, marks_unless(), yes=execute(marks('deep')))}}}}}}}}}}}"
)
QUERY_NO = predicate(QUERY, "exact: 'no'")
LOGIC = listed(
    (
        f"{{and_matcher: {{predicate: [{predicate(X_A, 'prefix: o')},"
        f" {{not_matcher: {QUERY_NO}}}]}}}}",
        on(execute(marks("and"), "and")),
    ),
    (
        f"{{or_matcher: {{predicate: [{predicate(X_A, 'exact: two')}, {QUERY_NO}]}}}}",
        on(execute(marks("or"), "or")),
    ),
)
CHAIN = execute("", more=f"filter_chain: {chain_of(marks('a'), marks('b'))}")
NAMED = f"named_filter_chains: {{c: {chain_of(marks('a'), marks('b'))}, d: {chain_of(DENIES)}}}"
BY_NAME = tree(
    X_A,
    one=execute("", more="filter_chain_name: c"),
    two=execute("", more="filter_chain_name: d"),
    other=execute("", more="filter_chain_name: missing"),
)
OTHER = get("/x", headers="X-A: other\r\n")
NEVER = execute(marks("a"), more="sample_percent: {default_value: {numerator: 0}}")
ALWAYS = execute(marks("a"), more="sample_percent: {default_value: {numerator: 100}}")
REDIRECTED = "[{match: {prefix: /}, redirect: {host_redirect: b}}]"
SHOWN = Secure(certificate="cli", highest="TLSv1_2")


def matches(name: str, input_: str, matcher: str, fields: str) -> Case:
    """A condition that is no string matcher; x-a becomes dynamic metadata, too."""
    package = "envoy.extensions.matching.input_matchers"
    config = f'{{"@type": {TYPES}/{package}.{matcher}, {fields}}}'
    condition = f"{{single_predicate: {{input: {input_}, custom_match: {ext(config)}}}}}"
    filters = (SETS_METADATA, composite(listed((condition, on(execute(marks("found")))))))
    numbers = [get("/x", headers=f"X-A: {a}\r\n") for a in ("10.1.2.3", "11.1.2.3", "1", "2", "3")]
    return chosen(f"match_{name}", filters, *THREE, *numbers)


def secured(name: str, input_: str, key: str, secure: Secure = SHOWN) -> Case:
    """A request over TLS through a tree that looks at the client's certificate."""
    matcher = tree(given(input_), marks_unless(), **{key: execute(marks("found"))})
    filters = f"[{{name: composite, typed_config: {composite(matcher)}}}, {ROUTER_FILTER}]"
    case = tls(f"composite_input_{name}", *asked(secure), common=VALIDATED, filters=filters)
    return replace(case, log_format=f"{LOG}\n")


ROUTER_FILTER = f'{{name: router, typed_config: {{"@type": {PACKAGE}.router.v3.Router}}}}'

CASES = (
    chosen("own_tree", composite(BY_X_A)),
    chosen("in_match_delegate", around(matcher=BY_X_A)),
    chosen("in_legacy_matcher", around(matcher=BY_X_A, field="matcher")),
    chosen("no_tree", COMPOSITE),
    chosen("no_tree_around", around()),
    chosen(
        "two",
        log=f"plain=%FILTER_STATE({STATE}:PLAIN)%",
        filter_=(composite(BY_X_A), around(matcher=tree(X_A, one=execute(marks("c"))))),
    ),
    chosen("nested_tree", composite(NESTED), *THREE, get("/x?q=yes", headers="X-A: one\r\n")),
    chosen("logic", composite(LOGIC), *THREE, get("/x?q=no", headers="X-A: one\r\n")),
    chosen("no_match_acts", composite(tree(X_A, execute(marks("none")), one=SKIP))),
    chosen("chain", composite(tree(X_A, one=CHAIN))),
    chosen(
        "chain_before_typed",
        composite(tree(X_A, one=execute(marks("t"), more=f"filter_chain: {chain_of(marks('c'))}"))),
    ),
    chosen(
        "name_before_typed",
        composite(tree(X_A, one=execute(marks("t"), more="filter_chain_name: c")), NAMED),
    ),
    chosen("named_chains", composite(BY_NAME, NAMED), *THREE, OTHER),
    chosen("named_chains_around", around(composite(more=NAMED), BY_NAME), *THREE, OTHER),
    chosen("no_named_chains", composite(BY_NAME)),
    chosen("never_sampled", composite(tree(X_A, one=NEVER))),
    chosen("always_sampled", around(matcher=tree(X_A, one=ALWAYS))),
    chosen("skips", around(marks("a"), tree(X_A, one=SKIP))),
    chosen("skips_without_a_tree", around(marks("a"))),
    chosen("skips_composite", around(matcher=tree(X_A, execute(marks("b")), one=SKIP))),
    chosen("skips_in_own_tree", composite(tree(X_A, execute(marks("b")), one=SKIP))),
    chosen("executes_plain", around(marks("a"), tree(X_A, one=execute(marks("b"))))),
    chosen("skips_by_response", around(marks("a"), tree(X_UP, one=SKIP))),
    chosen("denies", composite(tree(X_A, one=execute(DENIES))), log="%RESPONSE_CODE_DETAILS%"),
    chosen("limits", composite(tree(X_A, one=execute(LIMITS))), ONE, ONE, NONE),
    chosen("buffers", composite(tree(X_A, one=execute(BUFFERS))), POST, SHORT),
    chosen("faults", composite(tree(X_A, one=execute(FAULT)))),
    chosen(
        "refused_before",
        (DENIES, around(marks("a"), tree(X_A, one=SKIP)), composite(BY_X_A)),
        log="%RESPONSE_CODE_DETAILS%",
    ),
    chosen("refused_before_around", (DENIES, around(matcher=BY_X_A))),
    overridden(
        "refused_before_at_route", (DENIES, COMPOSITE), composite_per_route(BY_X_A), of="composite"
    ),
    chosen("own_answer", composite(BY_X_A), routes=REDIRECTED),
    overridden(
        "at_route",
        around(matcher=BY_X_A),
        per_route(tree(X_A, one=execute(marks("r")))),
        of="matching",
    ),
    overridden(
        "at_host",
        around(marks("a"), tree(X_A, one=SKIP)),
        per_route(tree(X_A, two=SKIP)),
        of="matching",
        level="host",
    ),
    overridden("at_route_alone", around(), per_route(BY_X_A), of="matching"),
    overridden(
        "own_at_route",
        composite(BY_X_A),
        composite_per_route(tree(X_A, one=execute(marks("r")))),
        of="composite",
    ),
    overridden(
        "own_at_route_alone",
        COMPOSITE,
        composite_per_route(tree(X_A, one=execute(DENIES))),
        of="composite",
    ),
    overridden("wrong_at_route", composite(BY_X_A), per_route(tree(X_A, one=SKIP)), of="composite"),
    overridden(
        "chains_at_route", composite("", NAMED), composite_per_route(BY_NAME), of="composite"
    ),
    overridden(
        "delegate_at_route",
        composite(tree(X_A, one=execute(marks("a")))),
        typed(
            "header_mutation.v3.HeaderMutationPerRoute",
            "mutations: {request_mutations: [{append: {header: {key: x-r, value: r}}}]}",
        ),
        of="composite",
    ),
    overridden(
        "cors_at_route",
        composite(
            tree(
                given(f"{HTTP}.HttpRequestHeaderMatchInput", "header_name: origin"),
                one=SKIP,
                **{"http://a.test": execute(CORS)},
            )
        ),
        CORS_ROUTE,
        of="composite",
    ),
    overridden(
        "disabled_at_route",
        composite(BY_X_A),
        f'{{"@type": {TYPES}/envoy.config.route.v3.FilterConfig, disabled: true}}',
        of="composite",
    ),
    looks_at("request_header", X_A, *THREE),
    looks_at(
        "query",
        QUERY,
        get("/x?q=one"),
        get("/x?p=1&q=%6Fne"),
        get("/x?q=two"),
        get("/x?%71=one"),
        get("/x?q=one&q=two"),
        get("/x?q=o+e"),
        NONE,
    ),
    looks_at(
        "request_trailer", X_T, with_trailers("one"), with_trailers("two"), NONE, hcm=TRAILERS
    ),
    looks_at("response_header", X_UP, *THREE),
    looks_at("response_trailer", UP_X_T, NONE, hcm=TRAILERS, upstreams=UP_TRAILERS),
    looks_at("status", STATUS, NONE, one="200"),
    looks_at("status_class", STATUS_CLASS, NONE, one="2xx"),
    looks_at("local_reply", LOCAL_REPLY, NONE, one="false"),
    looks_at("local_reply_own", LOCAL_REPLY, NONE, one="true", routes=REDIRECTED),
    looks_at("status_own", STATUS, NONE, one="301", routes=REDIRECTED),
    looks_at("destination_ip", given(f"{NETWORK}.DestinationIPInput"), NONE, one="127.0.0.1"),
    looks_at(
        "source_ip",
        given(f"{NETWORK}.SourceIPInput"),
        NONE,
        get("/x", headers="X-Forwarded-For: 10.1.2.3\r\n"),
        one="10.1.2.3",
    ),
    looks_at(
        "direct_source_ip",
        given(f"{NETWORK}.DirectSourceIPInput"),
        NONE,
        get("/x", headers="X-Forwarded-For: 10.1.2.3\r\n"),
        one="127.0.0.1",
    ),
    looks_at(
        "source_type",
        given(f"{NETWORK}.SourceTypeInput"),
        NONE,
        get("/x", headers="X-Forwarded-For: 10.1.2.3\r\n"),
        one="local",
    ),
    looks_at("server_name", given(f"{NETWORK}.ServerNameInput"), NONE),
    looks_at(
        "environment",
        given(
            "envoy.extensions.matching.common_inputs.environment_variable.v3.Config",
            "name: LATEEN_NOT_SET",
        ),
        NONE,
    ),
    filtered(
        "composite_input_filter_state",
        (SETS_STATE, composite(tree(FILTER_STATE, marks_unless(), one=execute(marks("found"))))),
        *THREE,
        log=LOG,
        upstreams=UP,
    ),
    filtered(
        "composite_input_metadata",
        (SETS_METADATA, composite(tree(METADATA, marks_unless(), one=execute(marks("found"))))),
        *THREE,
        log=LOG,
        upstreams=UP,
    ),
    matches("metadata", METADATA, "metadata.v3.Metadata", "value: {string_match: {exact: one}}"),
    matches(
        "metadata_inverted",
        METADATA,
        "metadata.v3.Metadata",
        "value: {string_match: {exact: one}}, invert: true",
    ),
    matches("metadata_of_text", X_A, "metadata.v3.Metadata", "value: {string_match: {exact: one}}"),
    matches(
        "ip",
        X_A,
        "ip.v3.Ip",
        "stat_prefix: x, cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]",
    ),
    matches(
        "hash",
        X_A,
        "consistent_hashing.v3.ConsistentHashing",
        "modulo: 100, threshold: 50, seed: 7",
    ),
    secured("uri_san", f"{SSL}.UriSanInput", "spiffe://cluster.local/ns/x/sa/cli"),
    secured("dns_san", f"{SSL}.DnsSanInput", "cli.test"),
    secured("subject", f"{SSL}.SubjectInput", "CN=cli"),
)
