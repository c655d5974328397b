"""Whether proxies accept what they are sent, without a control plane."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.proxies import envoy_command

# Where the configuration says that resources and secrets come from.
_SOURCES = ("xds", "sds-grpc")
_NODE = {"id": "test", "cluster": "test"}


def refusal(made: Mapping[str, Sequence[Mapping[str, object]]], config: Path) -> str:
    """What Envoy says against a translation; empty: it accepts it. Skips where there is no Envoy.

    Args:
        made: what a proxy is sent, by kind.
        config: where the bootstrap that holds it is written.
    """
    envoy = envoy_command()
    if envoy is None:
        pytest.skip("no Envoy: make .venv-envoy/.installed")
    return refusal_of(envoy, made, config)


def refusal_of(
    command: Sequence[str], made: Mapping[str, Sequence[Mapping[str, object]]], config: Path
) -> str:
    """What a proxy says against a translation; `command` runs it, the rest as above."""
    config.write_text(json.dumps(_bootstrap(made)))
    done = subprocess.run(
        [*command, "--mode", "validate", "-c", str(config)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()[-1] if done.returncode else ""


def _bootstrap(made):
    tables = {one["name"]: one for one in made["routes"]}
    grpc = {"envoy_grpc": {"cluster_name": "xds"}}
    return {
        "node": _NODE,
        "dynamic_resources": {"ads_config": {"api_type": "GRPC", "grpc_services": [grpc]}},
        "static_resources": {
            "listeners": _with_tables(made["listeners"], tables),
            "clusters": [*made["clusters"], *({"name": name} for name in _SOURCES)],
        },
    }


def _with_tables(tree, tables):
    """The listeners with their route tables in them, where they name one."""
    if isinstance(tree, list):
        return [_with_tables(one, tables) for one in tree]
    if not isinstance(tree, dict):
        return tree
    if "route_config_name" in tree.get("rds", {}):
        rest = {name: value for name, value in tree.items() if name != "rds"}
        tree = {**rest, "route_config": tables[tree["rds"]["route_config_name"]]}
    return {name: _with_tables(value, tables) for name, value in tree.items()}
