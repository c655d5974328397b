"""TLS to a control plane."""

import asyncio
import json

import grpc
import pytest
from google.protobuf import json_format

from lateen.protos import envoy_types
from lateen.proxy.xds.san import san_tests
from lateen.proxy.xds.source import SourceError
from lateen.proxy.xds.target import TargetError
from lateen.proxy.xds.upstream_tls import UpstreamTls
from lateen.xds.resource_types import CDS
from tests.support.certificates import make_authority, make_certificate, openssl_exists
from tests.support.xds_server import XdsServer
from tests.unit.proxy.xds.harness import api, bootstrap, cluster, fill, running, until, xds_cluster

pytestmark = pytest.mark.skipif(not openssl_exists(), reason="needs the openssl command")
_TLS = "envoy.extensions.transport_sockets.tls.v3"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    authority = make_authority(directory)
    return {
        "ca": authority,
        "other": make_authority(directory, "other"),
        "server": make_certificate(
            directory, "server", ["DNS:istiod.test", "DNS:b.test"], authority
        ),
        "wildcard": make_certificate(directory, "wildcard", ["DNS:*.mesh.test"], authority),
        "spiffe": make_certificate(directory, "spiffe", ["URI:spiffe://td/cp"], authority),
        "self": make_certificate(directory, "self", ["DNS:self.test"], None),
        "client": make_certificate(directory, "client", ["DNS:client.test"], authority),
    }


def serving(made, name, *, client_ca=None):
    own = made[name]
    pair = (own.key.read_bytes(), own.certificate.read_bytes())
    roots = client_ca.certificate.read_bytes() if client_ca else None
    credentials = grpc.ssl_server_credentials([pair], roots, client_ca is not None)
    server = XdsServer(credentials=credentials)
    server.put(CDS.type_url, {"a": cluster("a")})
    return server


def context(ca=None, client=None, sans=(), sni=""):
    common = {"alpn_protocols": ["h2"]}
    validation = {}
    if ca is not None:
        validation["trusted_ca"] = {"filename": str(ca.certificate)}
    if sans:
        validation["match_typed_subject_alt_names"] = list(sans)
    if validation:
        common["validation_context"] = validation
    if client is not None:
        common["tls_certificates"] = [
            {
                "certificate_chain": {"filename": str(client.certificate)},
                "private_key": {"filename": str(client.key)},
            }
        ]
    return {
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": f"type.googleapis.com/{_TLS}.UpstreamTlsContext",
            "common_tls_context": common,
            "sni": sni,
        },
    }


def exact(name, kind="DNS"):
    return {"san_type": kind, "matcher": {"exact": name}}


def outcome(server, tmp_path, socket):
    """What a client hears first: names of resources, or the reason why there are none."""

    async def run():
        configured = bootstrap(xds_cluster(server.port, transport_socket=socket), ads=api())
        async with running(configured, tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.updates or clusters.failures)
            return clusters.names or clusters.failures[0][1]

    with server:
        return asyncio.run(run())


@pytest.mark.parametrize(
    "given",
    [
        {"sni": "istiod.test"},
        {"sni": ""},
        {"sni": "unrelated.test"},
        {"sans": [exact("b.test")]},
        {"sans": [exact("nope"), {"san_type": "DNS", "matcher": {"suffix": ".test"}}]},
    ],
)
def test_the_chain_and_the_wanted_names_are_verified(made, tmp_path, given):
    socket = context(made["ca"], **given)
    assert outcome(serving(made, "server"), tmp_path, socket) == ["a"]


def test_a_wildcard_certificate_does(made, tmp_path):
    assert outcome(serving(made, "wildcard"), tmp_path, context(made["ca"])) == ["a"]


def test_without_an_authority_any_certificate_does_as_in_envoy(made, tmp_path):
    assert outcome(serving(made, "self"), tmp_path, context()) == ["a"]
    assert outcome(serving(made, "server"), tmp_path, context()) == ["a"]


def test_a_client_certificate_is_shown(made, tmp_path):
    server = serving(made, "server", client_ca=made["ca"])
    assert outcome(server, tmp_path, context(made["ca"], made["client"])) == ["a"]


@pytest.mark.parametrize(
    ("name", "ca", "given", "reason"),
    [
        ("server", "other", {}, "certificate verify failed"),
        ("server", "ca", {"sans": [exact("nope.test")]}, "verify SAN list"),
        ("server", "ca", {"sans": [exact("istiod.test", "URI")]}, "verify SAN list"),
        ("spiffe", "ca", {}, "names no host"),
    ],
)
def test_what_does_not_do_is_said(made, tmp_path, name, ca, given, reason):
    found = outcome(serving(made, name), tmp_path, context(made[ca], **given))
    assert reason in found


def test_a_server_that_wants_a_client_certificate_refuses_one_without(made, tmp_path):
    server = serving(made, "server", client_ca=made["ca"])
    assert outcome(server, tmp_path, context(made["ca"])) != ["a"]
    assert not server.requests


def test_a_file_that_is_missing_is_said(made, tmp_path):
    socket = context(made["ca"])
    validation = socket["typed_config"]["common_tls_context"]["validation_context"]
    validation["trusted_ca"] = {"filename": "/nonexistent.pem"}
    found = outcome(serving(made, "server"), tmp_path, socket)
    assert found == "cannot read /nonexistent.pem: No such file or directory"


def in_files(socket, directory):
    """The same TLS, with its secrets in a file."""
    common = socket["typed_config"]["common_tls_context"]
    url = f"type.googleapis.com/{_TLS}.Secret"
    secrets = [
        {"@type": url, "name": "own", "tls_certificate": common.pop("tls_certificates")[0]},
        {"@type": url, "name": "peer", "validation_context": common.pop("validation_context")},
    ]
    path = directory / "secrets.yaml"
    path.write_text(json.dumps({"resources": secrets}))
    source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
    common["tls_certificate_sds_secret_configs"] = [{"name": "own", "sds_config": source}]
    return common, {"name": "peer", "sds_config": source}


@pytest.mark.parametrize("combined", [False, True])
def test_secrets_in_files(made, tmp_path, combined):
    socket = context(made["ca"], made["client"], [exact("b.test")])
    common, peer = in_files(socket, tmp_path)
    if combined:
        common["combined_validation_context"] = {
            "default_validation_context": {},
            "validation_context_sds_secret_config": peer,
        }
    else:
        common["validation_context_sds_secret_config"] = peer
    server = serving(made, "server", client_ca=made["ca"])
    assert outcome(server, tmp_path, socket) == ["a"]
    socket = context(made["ca"], made["client"], [exact("nope.test")])
    common, peer = in_files(socket, tmp_path)
    common["validation_context_sds_secret_config"] = peer
    assert "verify SAN list" in outcome(serving(made, "server"), tmp_path, socket)


def test_a_secret_that_its_file_lacks_is_said(made, tmp_path):
    socket = context(made["ca"], made["client"])
    common, peer = in_files(socket, tmp_path)
    common["validation_context_sds_secret_config"] = {**peer, "name": "none"}
    found = outcome(serving(made, "server"), tmp_path, socket)
    assert found == f"secret 'none' is not in {tmp_path}/secrets.yaml"


def test_secrets_that_do_not_come_from_files_are_refused(made):
    config = {
        "common_tls_context": {
            "tls_certificate_sds_secret_configs": [{"name": "own", "sds_config": {"ads": {}}}]
        }
    }
    types = envoy_types()
    message = types.message_class(f"{_TLS}.UpstreamTlsContext")()
    json_format.ParseDict(config, message, descriptor_pool=types.pool)
    with pytest.raises(TargetError, match=r"secret 'own' .* can come from a file alone"):
        UpstreamTls.of(message, "xds")


def test_google_grpc_has_credentials_of_its_own(made, tmp_path):
    server = serving(made, "server", client_ca=made["ca"])

    async def run():
        pem = {key: {"filename": str(made[key].certificate)} for key in ("ca", "client")}
        ssl = {
            "root_certs": pem["ca"],
            "cert_chain": pem["client"],
            "private_key": {"filename": str(made["client"].key)},
        }
        override = {"grpc.ssl_target_name_override": {"string_value": "istiod.test"}}
        service = {
            "google_grpc": {
                "target_uri": f"dns:///localhost:{server.port}",
                "stat_prefix": "xds",
                "channel_credentials": {"ssl_credentials": ssl},
                "channel_args": {"args": override},
            }
        }
        configured = bootstrap(ads=api(grpc_services=[service]))
        async with running(configured, tmp_path) as client:
            clusters = client.subscribe()
            await until(lambda: clusters.names == ["a"])
            assert client.value("control_plane.connected_state") == 1
            assert clusters.failures == []

    with server:
        asyncio.run(run())


@pytest.mark.parametrize(
    "fields",
    [
        {"channel_credentials": {"google_default": {}}},
        {"call_credentials": [{"google_refresh_token": "x"}]},
    ],
)
def test_credentials_of_google_are_refused(tmp_path, fields):
    async def run():
        service = {"google_grpc": {"target_uri": "x", "stat_prefix": "x", **fields}}
        async with running(bootstrap(ads=api(grpc_services=[service])), tmp_path) as client:
            with pytest.raises(SourceError, match="not implemented"):
                client.subscribe()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("matcher", "good", "bad"),
    [
        ({"exact": "A.test", "ignore_case": True}, "a.TEST", "b.test"),
        ({"prefix": "a."}, "a.test", "b.test"),
        ({"contains": "tes"}, "a.test", "b"),
        ({"safe_regex": {"regex": "[ab].test"}}, "a.test", "xa.test"),
    ],
)
def test_names_are_matched_in_every_way(matcher, good, bad):
    validation = fill(
        f"{_TLS}.CertificateValidationContext",
        {"match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": matcher}]},
    )
    (test,) = san_tests(validation)
    assert test("DNS", good)
    assert not test("DNS", bad)
    assert not test("URI", good)
