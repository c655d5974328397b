import pytest

from lateen.control.model.proxy import Build
from tests.support.mesh import sent, sidecar

MESH = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 90}]}
---
apiVersion: v1
kind: Service
metadata: {name: authz, namespace: default}
spec: {clusterIP: 10.1.0.2, ports: [{name: http, port: 8000}, {name: grpc, port: 9000}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {containers: []}
status: {podIP: 10.0.0.1}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: default}
spec:
  action: CUSTOM
  provider: {name: PROVIDER}
  rules: [{to: [{operation: {paths: [/admin*]}}]}, {to: [{operation: {ports: ["90"]}}]}]
"""
HOST = "authz.default.svc.cluster.local"
PROVIDERS = [
    {
        "name": "web",
        "envoyExtAuthzHttp": {
            "service": HOST,
            "port": 8000,
            "pathPrefix": "/check",
            "timeout": "2s",
            "failOpen": True,
            "statusOnError": "503",
            "includeRequestHeadersInCheck": ["x-a", "x-b*"],
            "includeAdditionalHeadersInCheck": {"x-c": "d"},
            "includeRequestBodyInCheck": {"maxRequestBytes": 9, "allowPartialMessage": True},
            "headersToUpstreamOnAllow": ["x-user"],
            "headersToDownstreamOnDeny": ["x-why"],
            "headersToDownstreamOnAllow": ["x-yes"],
        },
    },
    {"name": "grpc", "envoyExtAuthzGrpc": {"service": f"default/{HOST}", "port": 9000}},
    {"name": "lost", "envoyExtAuthzGrpc": {"service": "nobody", "port": 9000}},
]
RULE = "ns[default]-policy[ask]-rule"


def chains(provider, build=Build.ENVOY, providers=PROVIDERS):
    text = MESH.replace("PROVIDER", provider)
    proxy = sidecar(labels={"app": "web"}, build=build)
    found = sent(text, proxy, extensionProviders=providers)["listeners"]["virtualInbound"]
    return {
        one["filter_chain_match"].get("destination_port"): one for one in found["filter_chains"]
    }


def http(provider, **more):
    manager = chains(provider, **more)[80]["filters"][-1]["typed_config"]
    return manager["http_filters"]


def test_a_service_that_is_asked_over_http():
    tried, asking = http("web")[:2]
    rules = tried["typed_config"]["shadow_rules"]
    assert (rules["action"], "rules" in tried["typed_config"]) == ("DENY", False)
    assert set(rules["policies"]) == {f"istio-ext-authz-web-{RULE}[{one}]" for one in (0, 1)}
    assert tried["typed_config"]["shadow_rules_stat_prefix"] == "istio_ext_authz_"
    config = asking["typed_config"]
    assert config["filter_enabled_metadata"] == {
        "filter": "envoy.filters.http.rbac",
        "path": [{"key": "istio_ext_authz_shadow_effective_policy_id"}],
        "value": {"string_match": {"prefix": "istio-ext-authz-web-"}},
    }
    assert config["failure_mode_allow"] is True
    assert config["status_on_error"] == {"code": "ServiceUnavailable"}
    assert config["with_request_body"] == {"max_request_bytes": 9, "allow_partial_message": True}
    assert config["allowed_headers"]["patterns"] == [
        {"exact": "x-a", "ignore_case": True},
        {"prefix": "x-b", "ignore_case": True},
    ]
    service = config["http_service"]
    assert service["path_prefix"] == "/check"
    assert service["server_uri"] == {
        "uri": f"http://{HOST}",
        "cluster": f"outbound|8000||{HOST}",
        "timeout": "2s",
    }
    assert service["authorization_request"]["headers_to_add"] == [{"key": "x-c", "value": "d"}]
    answer = service["authorization_response"]
    assert answer["allowed_upstream_headers"]["patterns"][0]["exact"] == "x-user"
    assert answer["allowed_client_headers"]["patterns"][0]["exact"] == "x-why"
    assert answer["allowed_client_headers_on_success"]["patterns"][0]["exact"] == "x-yes"


def test_a_service_that_is_asked_over_grpc():
    config = http("grpc")[1]["typed_config"]
    assert config["grpc_service"]["envoy_grpc"] == {
        "cluster_name": f"outbound|9000||{HOST}",
        "authority": f"outbound_.9000_._.{HOST}",
    }
    assert config["grpc_service"]["timeout"] == "600s"
    tried, asking, last = chains("grpc")[90]["filters"]
    # What a connection does not have is left out, so the first rule is about every one.
    assert set(tried["typed_config"]["shadow_rules"]["policies"]) == {
        f"istio-ext-authz-grpc-{RULE}[{one}]" for one in (0, 1)
    }
    assert asking["name"] == "envoy.filters.network.ext_authz"
    assert (
        asking["typed_config"]["filter_enabled_metadata"]["filter"] == "envoy.filters.network.rbac"
    )
    assert last["name"] == "envoy.filters.network.tcp_proxy"


def test_connections_are_not_asked_about_over_http():
    assert [one["name"] for one in chains("web")[90]["filters"]] == [
        "envoy.filters.network.tcp_proxy"
    ]


def test_what_cannot_be_asked_about_is_denied():
    for provider in ("lost", "absent"):
        denied = http(provider)[0]["typed_config"]
        assert denied["rules"]["action"] == "DENY"
        assert all(
            name.endswith("-deny-due-to-bad-CUSTOM-action") for name in denied["rules"]["policies"]
        )
        assert http(provider)[1]["name"] != "envoy.filters.http.ext_authz"


def test_connections_of_a_proxy_that_cannot_ask_are_denied():
    filters = chains("grpc", Build.LATEEN)[90]["filters"]
    names = [one["name"] for one in filters]
    assert "envoy.filters.network.ext_authz" not in names
    denied = next(one for one in filters if one["name"] == "envoy.filters.network.rbac")
    assert denied["typed_config"]["rules"]["action"] == "DENY"


@pytest.mark.parametrize("status", ["²", "99999999999", "none"])
def test_a_status_that_is_none_is_passed_over(status):
    asked = {"service": HOST, "port": 8000, "statusOnError": status}
    found = chains("web", providers=[{"name": "web", "envoyExtAuthzHttp": asked}])
    assert "envoy.filters.http.ext_authz" in str(found)
    assert "status_on_error" not in str(found)
