"""HTTP/1.1 requests that are refused, and how."""

from __future__ import annotations

from tests.interop.model import Case, End, Read, Write, once
from tests.support.client import get

HEAD = "POST /p HTTP/1.1\r\nHost: example.com\r\n"


def refused(name: str, data: str, hcm: str = "") -> Case:
    """A request whose connection ends soon after the answer."""
    return Case(name, once(data.encode("latin-1"), within=3), hcm=hcm)


def length(name: str, value: str) -> Case:
    """A POST with a bad Content-Length."""
    return refused(name, f"{HEAD}Content-Length: {value}\r\n\r\nabc")


def coding(name: str, value: str) -> Case:
    """A POST with a Transfer-Encoding that is not just chunked."""
    return refused(name, f"{HEAD}Transfer-Encoding: {value}\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


def chunk(name: str, body: str) -> Case:
    """A chunked POST with a bad chunk."""
    data = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}"
    # How far the upstream connection had come when the bad chunk was read is a race.
    return Case(name, once(data.encode("latin-1"), within=3), stats=r"^(http|listener)\.")


CASES = (
    length("length_list", "3, 3"),
    length("length_negative", "-1"),
    length("length_plus", "+3"),
    length("length_hex", "0x3"),
    length("length_empty", ""),
    length("length_over_64_bits", "18446744073709551616"),
    length("length_words", "three"),
    refused("length_twice_equal", f"{HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
    refused("length_twice", f"{HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    refused(
        "length_and_chunked",
        f"{HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    refused(
        "chunked_and_length",
        f"{HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    coding("coding_xchunked", "xchunked"),
    coding("coding_gzip_chunked", "gzip, chunked"),
    coding("coding_chunked_twice", "chunked, chunked"),
    coding("coding_identity", "identity"),
    coding("coding_chunked_gzip", "chunked, gzip"),
    coding("coding_empty", ""),
    refused(
        "coding_two_lines",
        f"{HEAD}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    chunk("chunk_size_word", "g\r\nabc\r\n0\r\n\r\n"),
    chunk("chunk_size_0x", "0x3\r\nabc\r\n0\r\n\r\n"),
    chunk("chunk_size_negative", "-1\r\nabc\r\n0\r\n\r\n"),
    chunk("chunk_size_17_digits", "10000000000000000\r\nabc\r\n0\r\n\r\n"),
    chunk("chunk_size_empty", "\r\nabc\r\n0\r\n\r\n"),
    chunk("chunk_size_bare_lf", "3\nabc\r\n0\r\n\r\n"),
    refused("space_before_colon", f"{HEAD}X-A : b\r\n\r\n"),
    refused("space_in_name", f"{HEAD}X A: b\r\n\r\n"),
    refused("no_colon", f"{HEAD}XA\r\n\r\n"),
    refused("empty_name", f"{HEAD}: b\r\n\r\n"),
    refused("name_not_a_token", f"{HEAD}X(A): b\r\n\r\n"),
    refused("nul_in_value", f"{HEAD}X-A: a\0b\r\n\r\n"),
    refused("nul_in_name", f"{HEAD}X\0A: b\r\n\r\n"),
    refused("control_in_value", f"{HEAD}X-A: a\1b\r\n\r\n"),
    refused("control_in_name", f"{HEAD}X\1A: b\r\n\r\n"),
    refused("delete_in_value", f"{HEAD}X-A: a\x7fb\r\n\r\n"),
    refused("method_lower", "get /p HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("method_unknown", "FOO /p HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("method_m_search", "M-SEARCH /p HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("method_with_space", " GET /p HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("space_in_target", "GET /a b HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("no_target", "GET HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("relative_target", "GET a/b HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("fragment_in_target", "GET /a#b HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("control_in_target", "GET /a\1b HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("obs_text_in_target", "GET /caf\xe9 HTTP/1.1\r\nHost: example.com\r\n\r\n"),
    refused("version_01_1", "GET /p HTTP/01.1\r\nHost: example.com\r\n\r\n"),
    refused("version_2_0", "GET /p HTTP/2.0\r\nHost: example.com\r\n\r\n"),
    refused("version_1_2", "GET /p HTTP/1.2\r\nHost: example.com\r\n\r\n"),
    refused("version_lower", "GET /p http/1.1\r\nHost: example.com\r\n\r\n"),
    refused("version_missing", "GET /p\r\nHost: example.com\r\n\r\n"),
    refused("version_1_0", "GET /p HTTP/1.0\r\nHost: example.com\r\n\r\n"),
    refused("no_host", "GET /p HTTP/1.1\r\nX-A: b\r\n\r\n"),
    refused("bad_host_space", "GET /p HTTP/1.1\r\nHost: a b\r\n\r\n"),
    refused("bad_host_slash", "GET /p HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    refused("bad_host_at", "GET /p HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    refused("garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    refused("headers_101", "GET /p HTTP/1.1\r\nHost: a\r\n" + "a: b\r\n" * 100 + "\r\n"),
    refused("headers_too_big", "GET /p HTTP/1.1\r\nHost: a\r\nX: " + "v" * 62000 + "\r\n\r\n"),
    Case(
        "target_too_long",
        once(b"GET /" + b"v" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", within=3),
        # How much is read of a request that is refused for its length is free.
        ignore_stats="downstream_cx_rx_bytes_total",
    ),
    refused("connect_not_allowed", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n"),
    Case(
        "valid_then_garbage",
        (Write(get("/x")), Read(), Write(b"GARBAGE\r\n\r\n"), Read(), End(within=3)),
    ),
    Case(
        "pipelined_valid_then_bad",
        (
            Write(get("/x") + b"GET /y HTTP/1.1\r\nBad Header: 1\r\n\r\n"),
            Read(),
            Read(),
            End(within=3),
        ),
    ),
    refused(
        "max_request_headers_kb",
        "GET /p HTTP/1.1\r\nHost: a\r\nX: " + "v" * 2000 + "\r\n\r\n",
        hcm="max_request_headers_kb: 1",
    ),
    refused(
        "max_headers_count",
        "GET /p HTTP/1.1\r\nHost: a\r\nb: c\r\nd: e\r\nf: g\r\n\r\n",
        hcm="common_http_protocol_options: {max_headers_count: 3}",
    ),
)
