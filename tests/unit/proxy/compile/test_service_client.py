import pytest

from lateen.proxy.compile.service_client import compile_grpc_client, compile_http_client
from tests.support.messages import context, errors, message


def http(ctx, retry_policy=None, **given):
    uri = message("config.core.v3.HttpUri", given)
    policy = message("config.core.v3.RetryPolicy", retry_policy) if retry_policy else None
    return compile_http_client(ctx, uri, policy, "s", "5xx")


def grpc(ctx, text):
    return compile_grpc_client(ctx, message("config.core.v3.GrpcService", text), 200, "s")


def test_a_service_that_speaks_http():
    client = http(context(), cluster="c", timeout="1.5s")
    assert (client.cluster, client.timeout_ms) == ("c", 1500)
    assert (client.internal, client.forwarded_for) == (True, False)
    assert not client.HasField("retry_policy")


@pytest.mark.parametrize(
    ("given", "base", "longest"),
    [
        ({"num_retries": 2}, 1000, 10_000),
        ({"retry_back_off": {"base_interval": "0.1s"}}, 100, 1000),
        ({"retry_back_off": {"base_interval": "0.1s", "max_interval": "0.2s"}}, 100, 200),
    ],
)
def test_attempts_take_as_long_as_the_longest_pause(given, base, longest):
    policy = http(context(), given).retry_policy
    assert (policy.backoff_base_ms, policy.backoff_max_ms) == (base, longest)
    assert policy.per_try_timeout_ms == longest


def test_when_an_attempt_is_made_again():
    policy = http(context(), {"num_retries": 2}).retry_policy
    assert (policy.num_retries, list(policy.retry_on)) == (2, ["5xx"])
    policy = http(context(), {"retry_on": "reset,nonsense"}).retry_policy
    assert (policy.num_retries, list(policy.retry_on)) == (1, ["reset"])


def test_a_pause_is_no_longer_than_the_longest():
    ctx = context()
    http(ctx, {"retry_back_off": {"base_interval": "2s", "max_interval": "1s"}})
    (report,) = errors(ctx)
    assert report.startswith("s.retry_policy.retry_back_off.max_interval")


def test_a_service_that_speaks_grpc():
    client = grpc(context(), "envoy_grpc: {cluster_name: c}")
    assert (client.client.cluster, client.client.timeout_ms) == ("c", 200)
    assert (client.authority, client.max_message_bytes) == ("", 0)
    assert (client.client.internal, client.client.forwarded_for) == (True, True)
    client = grpc(
        context(),
        """
        envoy_grpc:
          {cluster_name: c, authority: a, skip_envoy_headers: true, max_receive_message_length: 9}
        timeout: 1s
        initial_metadata: [{key: X-A, value: "%PROTOCOL%"}]
        retry_policy: {retry_on: unavailable}
        """,
    )
    assert (client.client.timeout_ms, client.authority, client.max_message_bytes) == (1000, "a", 9)
    assert (client.client.internal, client.client.forwarded_for) == (False, False)
    assert [header.name for header in client.initial_metadata] == ["x-a"]
    assert list(client.client.retry_policy.retry_on) == ["unavailable"]


def test_metadata_may_have_no_unknown_command():
    ctx = context()
    grpc(ctx, 'envoy_grpc: {cluster_name: c}\ninitial_metadata: [{key: a, value: "%NO%"}]')
    (report,) = errors(ctx)
    assert report.startswith("s.initial_metadata[0].value")
