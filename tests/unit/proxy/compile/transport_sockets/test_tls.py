"""TLS contexts: what compiles to what, and each error."""

import pytest

from lateen.protos.worker_pb2 import SanMatch, TransportSocket
from lateen.proxy.compile.transport_sockets import (
    compile_downstream_socket,
    compile_upstream_socket,
)
from tests.support.messages import context, errors, message, warnings
from tests.support.tls_files import tls_files

_PACKAGE = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"


def certificate(name="srv", key=None):
    files = tls_files()
    return {
        "certificate_chain": {"inline_string": (files / f"{name}.pem").read_text()},
        "private_key": {"inline_string": (files / f"{key or name}.key").read_text()},
    }


def trusted(**more):
    ca = (tls_files() / "ca.pem").read_text()
    return {"validation_context": {"trusted_ca": {"inline_string": ca}, **more}}


def socket(kind, common, more):
    typed = {"@type": f"{_PACKAGE}.{kind}", "common_tls_context": common, **more}
    name = "envoy.transport_sockets.tls"
    return message("config.core.v3.TransportSocket", {"name": name, "typed_config": typed})


def downstream(ctx, common=None, **more):
    given = {"tls_certificates": [certificate()], **(common or {})}
    source = socket("DownstreamTlsContext", given, more)
    made = compile_downstream_socket(ctx, source, "127.0.0.1_1", "t")
    return made, ctx.tls[-1].context


def upstream(ctx, common=None, **more):
    source = socket("UpstreamTlsContext", common or {}, more)
    return compile_upstream_socket(ctx, source, "c", "t"), ctx.tls[-1].context


def test_defaults_of_a_listener():
    ctx = context()
    made, compiled = downstream(ctx)
    assert made.tls_context == compiled.name
    assert ctx.blocks[made.stats_block].prefix == "listener.127.0.0.1_1"
    assert (compiled.min_version, compiled.max_version) == (0x0303, 0x0304)
    assert list(compiled.curves) == ["X25519MLKEM768", "X25519", "P-256"]
    assert len(compiled.cipher_suites) == 6
    assert len(compiled.certificates[0].chain) == 1
    assert not compiled.HasField("validation")
    assert not errors(ctx)


def test_defaults_of_a_cluster():
    ctx = context()
    made, compiled = upstream(ctx)
    assert ctx.blocks[made.stats_block].prefix == "cluster.c"
    assert (compiled.min_version, compiled.max_version) == (0x0303, 0x0303)
    assert compiled.client.max_session_keys == 1
    assert not compiled.client.sni


def test_the_same_configuration_has_the_same_name():
    ctx = context()
    assert downstream(ctx)[0] == downstream(ctx)[0]
    assert (
        downstream(ctx)[0].tls_context != downstream(ctx, {"alpn_protocols": ["a"]})[0].tls_context
    )


def test_a_raw_buffer_is_plain_tcp():
    ctx = context()
    typed = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    }
    source = message("config.core.v3.TransportSocket", {"name": "raw", "typed_config": typed})
    assert compile_upstream_socket(ctx, source, "c", "t") is None
    assert isinstance(downstream(ctx)[0], TransportSocket)


def test_validation():
    ctx = context()
    matcher = {"san_type": "URI", "matcher": {"prefix": "spiffe://"}}
    context_ = trusted(
        match_typed_subject_alt_names=[matcher], allow_expired_certificate=True, max_verify_depth=2
    )
    compiled = downstream(ctx, context_, require_client_certificate=True)[1]
    validation = compiled.validation
    assert validation.sans[0].type == SanMatch.URI
    assert validation.sans[0].match.prefix == "spiffe://"
    assert (validation.allow_expired, validation.max_verify_depth) == (True, 2)
    assert len(validation.trusted_ca) == 1
    assert compiled.server.require_client_certificate


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"tls_minimum_protocol_version": "TLSv1_0"}, "TLSv1_0 is not implemented"),
        ({"cipher_suites": ["AES128-SHA"]}, "neither CBC nor RSA key exchange"),
        ({"cipher_suites": ["nope"]}, "Failed to initialize cipher suites nope"),
        ({"cipher_suites": ["ALL", "!aNULL"]}, "the cipher rule ALL is not implemented"),
        ({"ecdh_curves": ["P-521"]}, "curve P-521 is not implemented"),
        ({"ecdh_curves": ["nope"]}, "Failed to initialize ECDH curves nope"),
        ({"signature_algorithms": ["nope"]}, "Failed to initialize TLS signature algorithms nope"),
        ({"signature_algorithms": ["rsa_pkcs1_sha1"]}, "rsa_pkcs1_sha1 is not implemented"),
    ],
)
def test_parameters_that_cannot_be(params, reason):
    ctx = context()
    downstream(ctx, {"tls_params": params})
    assert reason in errors(ctx)[0]


@pytest.mark.parametrize(
    ("common", "reason"),
    [
        ({"tls_certificates": []}, "No TLS certificates found for server context"),
        ({"tls_certificates": [{"certificate_chain": {"inline_string": "junk"},
          "private_key": {"inline_string": "x"}}]}, "load certificate chain from <inline>"),
        ({"tls_certificates": [{"certificate_chain": {"filename": "/nowhere"}}]}, "No such file"),
        ({"tls_certificate_sds_secret_configs": [{"name": "s"}]}, "Unknown static secret: s"),
        ({"validation_context": {"trusted_ca": {"inline_string": "x"}}},
         "Failed to load trusted CA certificates from <inline>"),
        ({"validation_context": {"match_typed_subject_alt_names": [
            {"san_type": "DNS", "matcher": {"exact": "a"}}]}}, "without trusted CA is insecure"),
    ],
)  # fmt: skip
def test_certificates_that_cannot_be(common, reason):
    ctx = context()
    downstream(ctx, common)
    assert any(reason in each for each in errors(ctx)), errors(ctx)


def test_ticket_keys_have_80_bytes():
    ctx = context()
    downstream(ctx, session_ticket_keys={"keys": [{"inline_string": "k" * 79}]})
    assert "Length 79" in errors(ctx)[0]


def test_names_that_sni_cannot_carry():
    ctx = context()
    upstream(ctx, sni="a b")
    assert "is not a host name" in errors(ctx)[0]


def test_a_key_that_others_can_read_is_a_warning(tmp_path):
    ctx = context()
    ctx.read_file = lambda path: (tls_files() / path).read_bytes()
    ctx.file_mode = lambda _: 0o100644
    given = {"certificate_chain": {"filename": "srv.pem"}, "private_key": {"filename": "srv.key"}}
    downstream(ctx, {"tls_certificates": [given]})
    assert "can be read by others (mode 644)" in warnings(ctx)[0]
    assert not errors(ctx)


def test_secrets_that_come_later_leave_the_context_unready():
    ctx = context()
    source = {"path_config_source": {"path": "/sds.yaml"}}
    secrets = {
        "tls_certificates": [],
        "tls_certificate_sds_secret_configs": [{"name": "s", "sds_config": source}],
    }
    compiled = downstream(ctx, secrets)[1]
    assert compiled.not_ready
    assert [key.name for key in ctx.tls[-1].secrets] == ["s"]
    assert not errors(ctx)
