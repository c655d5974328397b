import pytest

from tests.support.manifests import checked

PORT = "port: {number: 80, name: http, protocol: HTTP}"
TLS_PORT = "port: {number: 443, name: https, protocol: HTTPS}"


@pytest.mark.parametrize(
    "server",
    [
        f"{{{PORT}, hosts: ['*', ./a.com, '*/*', ns/*.b.com, 10.0.0.1]}}",
        f"{{{PORT}, hosts: ['*'], tls: {{httpsRedirect: true}}}}",
        f"{{{TLS_PORT}, hosts: ['*'], tls: {{mode: SIMPLE, credentialName: a}}}}",
        f"{{{TLS_PORT}, hosts: ['*'], tls: {{mode: PASSTHROUGH}}}}",
        f"{{{TLS_PORT}, hosts: ['*'], tls: {{mode: ISTIO_MUTUAL}}}}",
        "{port: {number: 0, name: u, protocol: HTTP}, bind: 'unix:///run/x', hosts: ['*']}",
        "{port: {number: 0, name: u, protocol: HTTP}, bind: 'unix://@x', hosts: ['*']}",
        f"{{{PORT}, bind: 10.0.0.1, hosts: ['*']}}",
    ],
)
def test_what_is_right(server):
    assert checked("Gateway", f"{{servers: [{server}]}}") == []


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (f"{{{PORT}}}", ["error .hosts"]),
        (f"{{{PORT}, hosts: [a]}}", ["error .hosts[0]"]),
        (f"{{{PORT}, hosts: ['*a.com']}}", ["error .hosts[0]"]),
        (f"{{{PORT}, hosts: [a_b.com]}}", ["error .hosts[0]"]),
        (f"{{{PORT}, hosts: [a_b/b.com]}}", ["error .hosts[0]"]),
        (f"{{{PORT}, hosts: ['~/b.com']}}", ["error .hosts[0]"]),
        (f"{{{PORT}, hosts: [/b.com]}}", ["error .hosts[0]"]),
        ("{hosts: ['*']}", ["error .port"]),
        ("{port: {number: 80, name: a, protocol: X}, hosts: ['*']}", ["error .port.protocol"]),
        ("{port: {number: 0, name: a, protocol: TCP}, hosts: ['*']}", ["error .port.number"]),
        ("{port: {number: 80, protocol: TCP}, hosts: ['*']}", ["error .port.name"]),
        (
            "{port: {number: 80, name: a, protocol: TCP, targetPort: 8}, hosts: ['*']}",
            ["error .port.targetPort"],
        ),
        (f"{{{PORT}, hosts: ['*'], bind: x}}", ["error .bind"]),
        (f"{{{PORT}, hosts: ['*'], bind: 'unix:///x'}}", ["error .bind"]),
        (
            "{port: {number: 0, name: u, protocol: HTTP}, bind: 'unix://x/', hosts: ['*']}",
            ["error .bind"],
        ),
        (f"{{{TLS_PORT}, hosts: ['*']}}", ["error .tls"]),
        (f"{{{PORT}, hosts: ['*'], tls: {{mode: SIMPLE, credentialName: a}}}}", ["error .tls"]),
        (
            "{port: {number: 80, name: a, protocol: TCP}, hosts: ['*'], tls: {}}",
            ["error .tls"],
        ),
        (
            f"{{{TLS_PORT}, hosts: ['*'], tls: {{httpsRedirect: true}}}}",
            ["warning .tls.httpsRedirect"],
        ),
    ],
)
def test_what_is_wrong(server, expected):
    problems = checked("Gateway", f"{{servers: [{server}]}}")
    assert [one.replace("spec.servers[0]", "") for one in problems] == expected


def test_servers_are_there_and_their_ports_have_names_of_their_own():
    assert checked("Gateway", "{}") == ["error spec.servers"]
    two = f"{{{PORT}, hosts: ['*']}}, {{{PORT}, hosts: ['*']}}"
    assert checked("Gateway", f"{{servers: [{two}]}}") == ["error spec.servers[1].port.name"]
