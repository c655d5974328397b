"""What a proxy is sent, as a bootstrap that a proxy can judge without a control plane."""

from __future__ import annotations

import json
import subprocess

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


def bootstrap(made, node):
    """A bootstrap of the resources that `offline.translate` makes."""
    tables = {one["name"]: one for one in made["routes"]}
    grpc = {"envoy_grpc": {"cluster_name": "xds"}}
    return {
        "node": {"id": node, "cluster": "test"},
        "dynamic_resources": {"ads_config": {"api_type": "GRPC", "grpc_services": [grpc]}},
        "static_resources": {
            "listeners": with_tables(made["listeners"], tables),
            "clusters": [*made["clusters"], *({"name": name} for name in SOURCES)],
        },
    }


def refusal(command, made, node, file):
    """Why a proxy refuses resources, the last line that it says; empty: it takes them.

    Args:
        command: of the proxy.
        made: the resources.
        node: the id of the proxy's node.
        file: where the bootstrap is written.
    """
    file.write_text(json.dumps(bootstrap(made, node)))
    argv = [*command, "--mode", "validate", "-c", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return (done.stdout + done.stderr).splitlines()[-1] if done.returncode else ""
