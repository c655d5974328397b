import subprocess
import sys

from lateen.proxy.memory import memory_use


def test_memory_use(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmData:\t  30 kB\nVmRSS:\t  20 kB\nRssAnon:\t  10 kB\n")
    use = memory_use(status)
    assert (use.resident, use.anonymous, use.heap) == (20480, 10240, 30720)
    assert memory_use(tmp_path / "nothing").resident == 0


def test_the_event_loop_comes_without_tls():
    script = (
        "import sys; from lateen.proxy.event_loop import load_asyncio; load_asyncio();"
        "print('_ssl' in sys.modules); import ssl; print(ssl.OPENSSL_VERSION != '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_serving_needs_none_of_the_big_libraries():
    script = (
        "import sys; import lateen.cli.main, lateen.cli.proxy, lateen.cli.proxy_flags;"
        "import lateen.proxy.server, lateen.proxy.event_loop;"
        "lateen.proxy.event_loop.load_asyncio(); import lateen.proxy.main_thread;"
        "names = {'typer', 'rich', 'ssl', 'hashlib', 'http.client', 'decimal', 'email'};"
        "print(sorted(names & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
