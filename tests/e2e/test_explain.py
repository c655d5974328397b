"""`lateen explain`: as it is typed."""

import json
import subprocess
import sys
from pathlib import Path

LATEEN = Path(sys.executable).with_name("lateen")
MESH = """\
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {clusterIP: 10.1.0.2, selector: {app: api}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: api-1, namespace: shop, labels: {app: api}}
spec: {containers: []}
status: {podIP: 10.0.0.2}
"""


def run(*arguments):
    argv = [str(LATEEN), "explain", *map(str, arguments)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_text_and_json(tmp_path):
    (tmp_path / "mesh.yaml").write_text(MESH)
    done = run("http://api/", "--from", "api", "--mesh", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"by Service shop/api, {tmp_path}/mesh.yaml:1" in done.stdout
    assert done.stdout.splitlines()[-1] == "reaches: 10.0.0.2:80, where no sidecar is known"
    found = json.loads(run("http://api/", "--from", "api", "--mesh", tmp_path, "-o", "json").stdout)
    assert found["hops"][0]["workload"] == "api-1.shop"


def test_mistakes(tmp_path):
    (tmp_path / "mesh.yaml").write_text(MESH)
    for arguments, said in (
        (["http://api/", "--from", "x"], "no service or workload is called 'x'"),
        (["ftp://api/", "--from", "api"], "the scheme is none of"),
        (["http://api/", "--from", "api", "-o", "xml"], "'xml' is none of text, json"),
    ):
        done = run(*arguments, "--mesh", tmp_path)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
