import pytest

from lateen.control.explain.wanted import UrlError, parse_claims, wanted


def test_a_request():
    found = wanted("http://reviews:9080/a?b=1", "put", ["X-A:  b ", "Host: other"], None)
    assert (found.host, found.port, found.tls) == ("reviews", 9080, False)
    request = found.request
    assert (request.host, request.path, request.method) == ("other", "/a?b=1", "PUT")
    assert request.headers == {"x-a": "b"}


@pytest.mark.parametrize(
    ("url", "port", "tls", "http"),
    [
        ("reviews", 80, False, True),
        ("grpc://reviews/s/m", 80, False, True),
        ("https://x.example", 443, True, True),
        ("tls://db:5432", 5432, True, False),
        ("tcp://db:5432", 5432, False, False),
    ],
)
def test_schemes(url, port, tls, http):
    found = wanted(url, "GET", [], None)
    assert (found.port, found.tls, found.request is not None) == (port, tls, http)


@pytest.mark.parametrize(
    ("url", "headers", "said"),
    [
        ("ftp://x", [], "the scheme is none of"),
        ("tcp://x", [], "tcp needs a port"),
        ("http://", [], "has no host"),
        ("http://x:99999", [], "x:99999"),
        ("http://[::1", [], "Invalid IPv6 URL"),
        ("http://x", ["nothing"], "is no header"),
    ],
)
def test_mistakes(url, headers, said):
    with pytest.raises(UrlError, match=said):
        wanted(url, "GET", headers, None)


def test_claims():
    assert parse_claims(None) is None
    assert parse_claims(["iss=me", "groups=a,b"]) == {"iss": "me", "groups": ["a", "b"]}
    with pytest.raises(UrlError, match="is no claim"):
        parse_claims(["iss"])
