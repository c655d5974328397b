"""Certificates of clients: whom to trust, x-forwarded-client-cert, and routes that ask for them."""

from __future__ import annotations

from dataclasses import replace

from tests.interop.cases.tls_downstream import CA, CONTEXT, RESUMED, VALIDATED, asked, refused, tls
from tests.interop.model import Case, Differs, Read, Secure, Write
from tests.support.client import get
from tests.support.tls_files import fingerprint, key_fingerprint

REQUIRED = "require_client_certificate: true"
CLI = Secure(certificate="cli", highest="TLSv1_2")


def shown(name: str) -> Secure:
    """A client that shows a certificate; TLS 1.2 lets it hear at once that it is refused."""
    return Secure(certificate=name, highest="TLSv1_2")


def trusting(name: str, context: str, secure: Secure, *, good: bool, more: str = REQUIRED) -> Case:
    """A listener with a validation context."""
    steps = asked(secure) if good else refused(secure)
    return tls(name, *steps, common=f"validation_context: {{{context}}}", more=more)


def san(kind: str, matcher: str, more: str = "") -> str:
    """A validation context with one matcher of alternative names."""
    return (
        f"{CA}, match_typed_subject_alt_names: [{{san_type: {kind}, matcher: {{{matcher}}}{more}}}]"
    )


def spiffe(domain: str) -> str:
    """A validation context with the SPIFFE validator."""
    trust = f"[{{name: {domain}, trust_bundle: {{filename: $certs/ca.pem}}}}]"
    config = f'{{"@type": {CONTEXT}.SPIFFECertValidatorConfig, trust_domains: {trust}}}'
    name = "envoy.tls.cert_validator.spiffe"
    return f"custom_validator_config: {{name: {name}, typed_config: {config}}}"


def forwarded(name: str, mode: str, details: str = "", secure: Secure = CLI) -> Case:
    """x-forwarded-client-cert in one mode; the client sends one of its own."""
    set_ = f", set_current_client_cert_details: {{{details}}}" if details else ""
    request = get("/x", headers="X-Forwarded-Client-Cert: By=spiffe://old;Hash=aa\r\n")
    return tls(
        name, secure, Write(request), Read(),
        common=VALIDATED, hcm=f"forward_client_cert_details: {mode}{set_}",
    )  # fmt: skip


ROUTES = (
    "[{match: {prefix: /, tls_context: {presented: true, validated: true}},"
    " direct_response: {status: 201}},"
    " {match: {prefix: /, tls_context: {presented: true}}, direct_response: {status: 202}},"
    " {match: {prefix: /}, direct_response: {status: 203}}]"
)
TLS_ONLY = (
    '[{name: vh, domains: ["*"], require_tls: ALL,'
    " routes: [{match: {prefix: /}, route: {cluster: $be}}]}]"
)

CASES = (
    trusting("mtls_good", CA, CLI, good=True),
    trusting("mtls_good_13", CA, Secure(certificate="cli"), good=True),
    trusting("mtls_none_required", CA, Secure(highest="TLSv1_2"), good=False),
    trusting("mtls_none_optional", CA, Secure(), good=True, more=""),
    trusting("mtls_stranger", CA, shown("stranger"), good=False),
    trusting("mtls_stranger_optional", CA, shown("stranger"), good=False, more=""),
    trusting("mtls_own", CA, shown("own"), good=False),
    trusting("mtls_own_trusted", "trusted_ca: {filename: $certs/own.pem}", shown("own"), good=True),
    trusting("mtls_leaf_trusted", "trusted_ca: {filename: $certs/cli.pem}", CLI, good=True),
    trusting("mtls_expired", CA, shown("expired"), good=False),
    trusting(
        "mtls_expired_allowed",
        f"{CA}, allow_expired_certificate: true",
        shown("expired"),
        good=True,
    ),
    trusting("mtls_future", CA, shown("future"), good=False),
    trusting(
        "mtls_future_allowed", f"{CA}, allow_expired_certificate: true", shown("future"), good=True
    ),
    trusting("mtls_purpose", CA, shown("server_only"), good=False),
    trusting("mtls_deep_without_middle", CA, shown("deep"), good=False),
    trusting("mtls_deep", CA, shown("deep_chain"), good=True),
    trusting("mtls_deep_limited", f"{CA}, max_verify_depth: 0", shown("deep_chain"), good=False),
    trusting(
        "mtls_middle_trusted", "trusted_ca: {filename: $certs/middle.pem}", shown("deep"), good=True
    ),
    trusting(
        "mtls_revoked", f"{CA}, crl: {{filename: $certs/crl.pem}}", shown("revoked"), good=False
    ),
    trusting("mtls_not_revoked", f"{CA}, crl: {{filename: $certs/crl.pem}}", CLI, good=True),
    trusting(
        "mtls_untrusted_accepted",
        f"{CA}, trust_chain_verification: ACCEPT_UNTRUSTED",
        shown("stranger"),
        good=True,
        more="",
    ),
    trusting("mtls_san_uri", san("URI", "exact: 'spiffe://d.test/x'"), CLI, good=True),
    trusting("mtls_san_uri_prefix", san("URI", "prefix: 'spiffe://d.test/'"), CLI, good=True),
    trusting("mtls_san_wrong", san("URI", "exact: 'spiffe://d.test/y'"), CLI, good=False),
    trusting(
        "mtls_san_none_shown",
        san("URI", "exact: x"),
        Secure(highest="TLSv1_2"),
        good=False,
        more="",
    ),
    trusting("mtls_san_dns_case", san("DNS", "exact: C.Test"), CLI, good=True),
    trusting("mtls_san_dns_suffix", san("DNS", "suffix: .test"), CLI, good=True),
    trusting("mtls_san_dns_wildcard", san("DNS", "exact: q.b.test"), shown("srv"), good=True),
    trusting("mtls_san_email", san("EMAIL", "contains: '@'"), CLI, good=True),
    trusting("mtls_san_ip", san("IP_ADDRESS", "exact: 10.1.2.3"), CLI, good=True),
    trusting(
        "mtls_san_regex", san("URI", "safe_regex: {regex: 'spiffe://[a-z.]+/x'}"), CLI, good=True
    ),
    trusting("mtls_hash", f"verify_certificate_hash: [{fingerprint('cli')}]", CLI, good=True),
    trusting(
        "mtls_hash_wrong", f"verify_certificate_hash: [{fingerprint('srv')}]", CLI, good=False
    ),
    trusting(
        "mtls_spki", f"{CA}, verify_certificate_spki: ['{key_fingerprint('cli')}']", CLI, good=True
    ),
    trusting(
        "mtls_spki_wrong",
        f"{CA}, verify_certificate_spki: ['{key_fingerprint('srv')}']",
        CLI,
        good=False,
    ),
    trusting("mtls_no_validation", "", CLI, good=True, more=""),
    trusting(
        "mtls_spiffe",
        spiffe("d.test"),
        CLI,
        good=True,
    ),
    trusting(
        "mtls_spiffe_other_domain",
        spiffe("e.test"),
        CLI,
        good=False,
    ),
    trusting(
        "mtls_spiffe_no_key_usage",
        spiffe("d.test"),
        shown("revoked"),
        good=False,
    ),
    tls(
        "mtls_resumed",
        *asked(CLI),
        *asked(Secure("b", certificate="cli", highest="TLSv1_2", resume="a")),
        common=VALIDATED,
        more=REQUIRED,
        ignore=RESUMED,
    ),
    forwarded("xfcc_sanitize", "SANITIZE"),
    forwarded("xfcc_forward_only", "FORWARD_ONLY"),
    forwarded("xfcc_append", "APPEND_FORWARD", "subject: true, uri: true, dns: true"),
    forwarded("xfcc_set", "SANITIZE_SET"),
    forwarded(
        "xfcc_set_all",
        "SANITIZE_SET",
        "subject: true, cert: true, chain: true, dns: true, uri: true",
    ),
    forwarded("xfcc_always", "ALWAYS_FORWARD_ONLY"),
    forwarded("xfcc_set_without_certificate", "SANITIZE_SET", "uri: true", Secure()),
    forwarded("xfcc_always_without_certificate", "ALWAYS_FORWARD_ONLY", "", Secure()),
    forwarded("xfcc_forward_without_certificate", "FORWARD_ONLY", "", Secure()),
    tls("tls_route_validated", *asked(CLI), common=VALIDATED, routes=ROUTES),
    tls("tls_route_no_certificate", *asked(), common=VALIDATED, routes=ROUTES),
    tls(
        "tls_route_untrusted",
        *asked(shown("stranger")),
        routes=ROUTES,
        common=f"validation_context: {{{CA}, trust_chain_verification: ACCEPT_UNTRUSTED}}",
    ),
    tls("tls_required_over_tls", *asked(), virtual_hosts=TLS_ONLY),
    tls(
        "tls_forwarded_proto",
        Secure(),
        Write(get("/x", headers="X-Forwarded-Proto: http\r\n")),
        Read(),
        virtual_hosts=TLS_ONLY,
    ),
)

_ALERT = Differs("rustls has no alert bad_certificate_hash_value; it says bad_certificate", ())
CASES = tuple(
    replace(case, differs=_ALERT) if case.name in ("mtls_hash_wrong", "mtls_spki_wrong") else case
    for case in CASES
)
