from lateen.protos.worker_pb2 import FilterOverride
from lateen.proxy.compile.http_filters.csrf import compile_csrf, compile_csrf_override
from tests.support.messages import OWNER, context, errors, message

_TYPE = "extensions.filters.http.csrf.v3.CsrfPolicy"
POLICY = """
filter_enabled: {runtime_key: k, default_value: {numerator: 5}}
shadow_enabled: {default_value: {numerator: 6}}
additional_origins: [{exact: a}, {suffix: b}]
"""


def test_the_filter_and_its_policy():
    ctx = context()
    csrf = compile_csrf(ctx, message(_TYPE, POLICY), OWNER, "f").csrf
    assert ctx.blocks[csrf.stats_block].prefix == "http.web.csrf"
    assert (csrf.policy.enabled.runtime_key, csrf.policy.shadow.numerator) == ("k", 6)
    assert [each.WhichOneof("kind") for each in csrf.policy.additional_origins] == [
        "exact",
        "suffix",
    ]
    assert errors(ctx) == []


def test_an_override():
    out = FilterOverride(filter="f")
    compile_csrf_override(context(), message(_TYPE, POLICY), out, "o")
    assert out.csrf.enabled.numerator == 5
