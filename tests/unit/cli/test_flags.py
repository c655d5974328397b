import pytest

from lateen.cli import main as main_module
from lateen.cli import proxy
from lateen.cli.flags import UsageError, parse_flags
from lateen.cli.proxy_flags import PROXY_FLAGS
from lateen.proxy import server
from lateen.proxy.log.levels import Level


def parse(*arguments):
    return parse_flags(PROXY_FLAGS, arguments)


def test_spellings():
    assert parse("-c", "a.yaml") == parse("--config-path", "a.yaml") == {"config_path": "a.yaml"}
    assert parse("--config-path=a.yaml", "--concurrency=2") == {
        "config_path": "a.yaml", "concurrency": 2,
    }  # fmt: skip
    assert parse("--disable-hot-restart", "--", "--no-such") == {"disable_hot_restart": True}
    assert parse("--stats-tag", "a:b", "--stats-tag", "c:d") == {"stats_tag": ("a:b", "c:d")}


def test_resolve():
    assert parse("--resolve", "svc:80=127.0.0.1:9000", "--resolve", "svc:81=[::1]:1") == {
        "resolve": (("svc", 80, "127.0.0.1", 9000), ("svc", 81, "::1", 1)),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--conurrency", "1"], "unknown flag '--conurrency'; did you mean --concurrency?"),
        (["stray"], "unexpected argument 'stray'"),
        (["--concurrency"], "--concurrency needs a value"),
        (["--concurrency", "-1"], "not a number"),
        (["--concurrency", "4294967296"], "not a number"),
        (["--mode", "run"], "not one of serve, validate, init_only"),
        (["-l", "loud"], "invalid log level specified 'loud'"),
        (["--component-log-level", "x:debug"], "invalid component specified 'x'"),
        (["--strict=yes"], "takes no value"),
        (["-c", "a", "--config-path", "b"], "given twice"),
        (["--resolve", "svc=127.0.0.1:1"], "HOST:PORT=ADDRESS:PORT"),
        (["--resolve", "svc:80=host:1"], "not an IP address"),
        (["--resolve", "svc:0=127.0.0.1:1"], "not a port"),
        (["--stats-tag", "a.b:c"], "tag:value"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(UsageError) as caught:
        parse(*arguments)
    assert message in str(caught.value)


def test_options_reach_the_proxy(monkeypatch):
    seen = []
    monkeypatch.setattr(server, "run_proxy", lambda options: seen.append(options) or 0)
    assert proxy.run(["-c", "a.yaml", "-l", "debug", "--log-json", "--allow-unknown-fields"]) == 0
    (options,) = seen
    assert (options.config_path, options.log_level) == ("a.yaml", Level.DEBUG)
    assert options.log_format == "json"
    assert options.allow_unknown_static_fields


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--nope"],
        ["-c", "a", "--restart-epoch", "1", "--use-dynamic-base-id"],
        ["-c", "a", "--log-json", "--log-format", "%v"],
    ],
)
def test_bad_usage_is_one_line_and_fails(arguments, capsys):
    assert proxy.run(arguments) != 0
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_names_every_flag(capsys):
    assert main_module.main(["proxy", "--help"]) == 0
    out = capsys.readouterr().out
    for flag in PROXY_FLAGS:
        assert all(name in out for name in flag.names)


def test_the_list_of_commands(capsys):
    main_module.main(["--help"])
    out = capsys.readouterr().out
    assert "proxy" in out
    assert "version" in out
