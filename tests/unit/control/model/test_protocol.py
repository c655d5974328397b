import pytest

from lateen.control.model.protocol import Protocol, parse_protocol, protocol_of_port


@pytest.mark.parametrize(
    ("number", "name", "app_protocol", "protocol"),
    [
        (80, "http", "", Protocol.HTTP),
        (80, "http-web", "", Protocol.HTTP),
        (80, "HTTP2-api", "", Protocol.HTTP2),
        (80, "grpc-web-x", "", Protocol.GRPC_WEB),
        (80, "grpc-api", "", Protocol.GRPC),
        (443, "https", "", Protocol.HTTPS),
        (80, "web", "", Protocol.UNSUPPORTED),
        (80, "httpx", "", Protocol.UNSUPPORTED),
        (80, "", "", Protocol.UNSUPPORTED),
        (3306, "db", "", Protocol.TCP),
        (3306, "http", "", Protocol.HTTP),
        (80, "tcp", "http", Protocol.HTTP),
        (80, "http", "kubernetes.io/h2c", Protocol.HTTP2),
        (80, "tcp", "kubernetes.io/ws", Protocol.HTTP),
        (80, "tcp", "kubernetes.io/wss", Protocol.HTTPS),
        (80, "http", "example.com/mine", Protocol.UNSUPPORTED),
    ],
)
def test_the_protocol_of_a_port(number, name, app_protocol, protocol):
    assert protocol_of_port(number, name, "TCP", app_protocol) is protocol


def test_udp_is_udp_whatever_it_is_called():
    assert protocol_of_port(80, "http", "UDP", "") is Protocol.UDP


def test_names_are_read_in_any_case():
    assert parse_protocol("Grpc-Web") is Protocol.GRPC_WEB
    assert parse_protocol("unsupportedprotocol") is Protocol.UNSUPPORTED


def test_what_is_in_the_tls_of_a_gateway():
    assert Protocol.HTTPS.after_tls is Protocol.HTTP
    assert Protocol.TLS.after_tls is Protocol.TCP
    assert Protocol.GRPC.after_tls is Protocol.GRPC


def test_every_protocol_but_udp_and_the_unknown_is_http_or_tcp():
    neither = [one for one in Protocol if one.is_http == one.is_tcp]
    assert neither == [Protocol.UDP, Protocol.UNSUPPORTED]
