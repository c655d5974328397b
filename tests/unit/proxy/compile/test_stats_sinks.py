import json

import pytest

from lateen.proxy.compile.stats_sinks import StatsdPlan, compile_stats_sinks
from tests.support.messages import context, errors, message

PREFIX = "type.googleapis.com/envoy.config.metrics.v3."
HERE = {"socket_address": {"address": "127.0.0.1", "port_value": 8125}}
METRICS = {"@type": PREFIX + "MetricsServiceConfig"}


def compiled(kind, ctx=None, **fields):
    sink = {"name": "s", "typed_config": {"@type": PREFIX + kind, **fields}}
    source = message("config.bootstrap.v3.Bootstrap", json.dumps({"stats_sinks": [sink]}))
    return compile_stats_sinks(ctx or context(), source)


@pytest.mark.parametrize(
    ("kind", "fields", "plan"),
    [
        ("StatsdSink", {"address": HERE}, StatsdPlan(("127.0.0.1", 8125), "envoy")),
        ("StatsdSink", {"address": HERE, "prefix": "p"}, StatsdPlan(("127.0.0.1", 8125), "p")),
        (
            "DogStatsdSink",
            {"address": {"pipe": {"path": "/s"}}, "max_bytes_per_datagram": 512},
            StatsdPlan("/s", "envoy", tags=True, datagram_bytes=512),
        ),
    ],
)
def test_where_stats_go(kind, fields, plan):
    ctx = context()
    assert compiled(kind, ctx, **fields) == [plan]
    assert errors(ctx) == []


def test_an_address_that_is_a_name():
    ctx = context()
    address = {"socket_address": {"address": "localhost", "port_value": 1}}
    compiled("StatsdSink", ctx, address=address)
    (error,) = errors(ctx)
    assert error == (
        "stats_sinks[0].typed_config.address.socket_address.address:"
        " malformed IP address: localhost"
    )


def test_other_sinks_are_left_out():
    ctx = context()
    assert compiled("MetricsServiceConfig", ctx) == []
    assert ctx.excused == {"stats_sinks[0]": "stats are sent to no sink of this kind yet"}
