import pytest

from lateen.proxy.compile.retry import compile_retry_policy
from tests.support.messages import context, errors, message, unsupported


def compiled(text, ctx=None):
    source = message("config.route.v3.RetryPolicy", text)
    return compile_retry_policy(ctx or context(), source, "r")


def test_defaults():
    policy = compiled("retry_on: '5xx'")
    assert list(policy.retry_on) == ["5xx"]
    assert policy.num_retries == 1
    assert (policy.backoff_base_ms, policy.backoff_max_ms) == (25, 250)
    assert policy.host_selection_max_attempts == 1
    assert policy.per_try_timeout_ms == policy.per_try_idle_timeout_ms == 0


def test_everything_that_can_be_said():
    policy = compiled(
        """
        retry_on: "5xx, retriable-headers,connect-failure"
        num_retries: 0
        per_try_timeout: 0.5s
        per_try_idle_timeout: 2s
        retriable_status_codes: [409, 418]
        host_selection_retry_max_attempts: 3
        retry_back_off: {base_interval: 0.1s}
        retriable_headers: [{name: X-Retry}]
        retriable_request_headers: [{name: X-Again, exact_match: 'yes'}]
        rate_limited_retry_back_off:
          reset_headers: [{name: Retry-After}, {name: X-Reset, format: UNIX_TIMESTAMP}]
        """
    )
    assert list(policy.retry_on) == ["5xx", "retriable-headers", "connect-failure"]
    assert policy.num_retries == 0
    assert (policy.per_try_timeout_ms, policy.per_try_idle_timeout_ms) == (500, 2000)
    assert list(policy.retriable_status_codes) == [409, 418]
    assert policy.host_selection_max_attempts == 3
    assert (policy.backoff_base_ms, policy.backoff_max_ms) == (100, 1000)
    assert policy.retriable_headers[0].name == "x-retry"
    assert policy.retriable_request_headers[0].string.exact == "yes"
    limited = policy.rate_limited_backoff
    assert [(h.name, h.unix_timestamp) for h in limited.reset_headers] == [
        ("retry-after", False),
        ("x-reset", True),
    ]
    assert limited.max_interval_ms == 300_000


def test_an_unknown_condition_is_left_out():
    assert list(compiled("retry_on: '5xx,bogus'").retry_on) == ["5xx"]


def test_a_longest_wait_below_the_first_is_an_error():
    ctx = context()
    compiled("retry_back_off: {base_interval: 1s, max_interval: 0.5s}", ctx)
    assert errors(ctx) == [
        "r.retry_back_off.max_interval: retry_policy.max_interval must greater than or equal to the"
        " base_interval"
    ]


_HOST = "type.googleapis.com/envoy.extensions.retry.host"


@pytest.mark.parametrize(
    ("predicate", "field"),
    [
        ({"name": "envoy.retry_host_predicates.previous_hosts"}, "previous_hosts"),
        (
            {
                "name": "any",
                "typed_config": {"@type": f"{_HOST}.previous_hosts.v3.PreviousHostsPredicate"},
            },
            "previous_hosts",
        ),
        (
            {
                "name": "any",
                "typed_config": {"@type": f"{_HOST}.omit_canary_hosts.v3.OmitCanaryHostsPredicate"},
            },
            "omit_canary_hosts",
        ),
    ],
)
def test_host_predicates(predicate, field):
    ctx = context()
    assert getattr(compiled({"retry_host_predicate": [predicate]}, ctx), field)
    assert errors(ctx) == []


def test_an_unknown_host_predicate_is_an_error():
    ctx = context()
    compiled("retry_host_predicate: [{name: nope}]", ctx)
    assert len(errors(ctx)) == 1


def test_previous_priorities():
    ctx = context()
    kind = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
    config = {"@type": f"type.googleapis.com/{kind}", "update_frequency": 2}
    policy = compiled({"retry_priority": {"name": "any", "typed_config": config}}, ctx)
    assert policy.previous_priorities_update_frequency == 2
    assert errors(ctx) == []
    assert not compiled("retry_on: 5xx").HasField("previous_priorities_update_frequency")


def test_an_unknown_retry_priority_is_an_error():
    ctx = context()
    compiled("retry_priority: {name: nope}", ctx)
    assert len(errors(ctx)) == 1


@pytest.mark.parametrize("field", ["retry_options_predicates: [{name: x}]"])
def test_what_is_not_implemented(field):
    source = message("config.route.v3.RetryPolicy", field)
    name = field.split(":")[0]
    assert unsupported(source) == [f"error x.{name}: {name} is not implemented"]
