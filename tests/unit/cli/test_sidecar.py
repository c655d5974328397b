from pathlib import Path

import pytest

from lateen.agent.names.forward import Resolver
from lateen.agent.run import Sidecar
from lateen.cli.main import main

NEEDED = ["--discovery", "c:15012", "--name", "web-1", "--namespace", "shop", "--ip", "10.0.0.1"]
PLAIN = [*NEEDED, "--plaintext"]


@pytest.fixture
def options(monkeypatch):
    """What sidecars were to run with; none is run."""
    given = []

    async def run(self):
        given.append(self._options)
        return 7

    monkeypatch.setattr(Sidecar, "run", run)
    return given


def test_flags_are_the_options_and_the_rest_is_the_command(options):
    more = ["--label", "app=web", "--label", "version=v1", "--resolver", "10.0.0.53"]
    more += ["--resolver", "[fd00::53]:5353", "--resolver", "fd00::54", "--drain-time", "0.5"]
    more += ["--ready-port", "0", "--state", "/run/web", "--interception", "NONE"]
    assert main(["sidecar", *PLAIN, *more, "--", "web", "--help", "--", "-x"]) == 7
    (one,) = options
    assert one.labels == {"app": "web", "version": "v1"}
    assert one.resolvers == (
        Resolver("10.0.0.53"),
        Resolver("fd00::53", 5353),
        Resolver("fd00::54"),
    )
    assert (one.drain_s, one.ready_port, one.dns_port) == (0.5, 0, 15053)
    assert (one.directory, one.interception) == (Path("/run/web"), "NONE")
    assert one.command == ["web", "--help", "--", "-x"]
    assert one.version


def test_without_tls_the_root_is_not_needed_and_with_it_is(options, capsys):
    assert main(["sidecar", *PLAIN]) == 7
    assert main(["sidecar", *NEEDED, "--ca-root", "root.pem"]) == 7
    assert main(["sidecar", *NEEDED]) == 1
    assert "--ca-root is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--discovery, --name, --namespace, --ip must be given"),
        (["--discovery", "c:²", *PLAIN[2:]], "--discovery: 'c:²' is not HOST:PORT"),
        ([*PLAIN, "--nam", "x"], "unknown flag '--nam'; did you mean --name?"),
        ([*PLAIN, "web"], "unexpected argument 'web'"),
        ([*PLAIN, "--ready-port", "65536"], "--ready-port: '65536' is not a port"),
        ([*PLAIN, "--label", "app"], "--label: 'app' is not KEY=VALUE"),
        ([*PLAIN, "--resolver", "dns.test"], "--resolver: 'dns.test' is not an IP address"),
        ([*PLAIN, "--resolver", "10.0.0.1:x"], "--resolver: 'x' is not a number"),
        ([*PLAIN, "--type", "waypoint"], "--type: 'waypoint' is not one of sidecar, router"),
        ([*PLAIN, "--grace-ratio", "2"], "--grace-ratio: '2' is not a number from 0 to 1"),
        ([*PLAIN, "--drain-time", "nan"], "--drain-time: 'nan' is not a number from 0 to 3600"),
        ([*PLAIN, "--trust-domain", "A"], "--trust-domain: 'A' is no trust domain"),
        ([*PLAIN, "--locality", "a/b/c/d"], "--locality: 'a/b/c/d' is not REGION/ZONE/SUBZONE"),
    ],
)
def test_what_is_wrong_is_one_line(options, capsys, arguments, told):
    assert main(["sidecar", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"lateen sidecar: {told}")
    assert error.count("\n") == 1
    assert options == []


def test_a_directory_that_cannot_be_used_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["sidecar", *PLAIN, "--state", str(tmp_path / "file" / "state")]) == 1
    assert capsys.readouterr().err.startswith("lateen sidecar: --state: cannot use ")
    assert main(["sidecar", *PLAIN, "--state", str(tmp_path / ("x" * 100))]) == 1
    assert "too long a path for a socket" in capsys.readouterr().err


def test_help_lists_the_flags(capsys):
    assert main(["sidecar", "--help"]) == 0
    assert "--discovery HOST:PORT" in capsys.readouterr().out
