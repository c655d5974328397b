"""Istio's sample manifests load, translate, and are accepted by the real Envoy."""

import json
import subprocess

import pytest

from lateen.control.model.proxy import parse_node
from lateen.control.offline import load, translate
from tests.support.corpus import istio_corpus
from tests.support.proxies import envoy_command

NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"
# Where the configuration says that resources and secrets come from.
SOURCES = ("xds", "sds-grpc")


def with_tables(tree, tables):
    """The listeners with their route tables in them, where they name one."""
    if isinstance(tree, list):
        return [with_tables(one, tables) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if "route_config_name" in tree.get("rds", {}):
        rest = {name: value for name, value in tree.items() if name != "rds"}
        tree = {**rest, "route_config": tables[tree["rds"]["route_config_name"]]}
    return {name: with_tables(value, tables) for name, value in tree.items()}


def bootstrap(made):
    tables = {one["name"]: one for one in made["routes"]}
    grpc = {"envoy_grpc": {"cluster_name": "xds"}}
    return {
        "node": {"id": NODE, "cluster": "test"},
        "dynamic_resources": {"ads_config": {"api_type": "GRPC", "grpc_services": [grpc]}},
        "static_resources": {
            "listeners": with_tables(made["listeners"], tables),
            "clusters": [*made["clusters"], *({"name": name} for name in SOURCES)],
        },
    }


@pytest.mark.oracle
def test_samples_translate_to_what_envoy_accepts(tmp_path):
    envoy = envoy_command()
    if envoy is None:
        pytest.skip("no Envoy: make .venv-envoy/.installed")
    folder = istio_corpus("samples")
    sets = sorted({path.parent for path in folder.rglob("*.yaml")})
    wrong = {}
    for number, directory in enumerate(sets):
        mesh, _ = load(directory, "cluster.local")
        made = translate(mesh, parse_node(NODE, labels={"app": "productpage"}))
        config = tmp_path / f"{number}.json"
        config.write_text(json.dumps(bootstrap(made)))
        done = subprocess.run(
            [*envoy, "--mode", "validate", "-c", str(config)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            wrong[str(directory)] = (done.stdout + done.stderr).splitlines()[-1]
    print(f"conformance: samples {len(sets) - len(wrong)} of {len(sets)} folders")
    assert sets
    assert wrong == {}
