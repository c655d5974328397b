"""Istio's sample manifests load, translate, and are accepted by the real Envoy."""

import pytest

from lateen.control.model.proxy import Interception, parse_node
from lateen.control.offline import load, translate
from lateen.control.resources.gateway import Gateway
from tests.support.accepted import refusal
from tests.support.corpus import istio_corpus

NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"
GATEWAY = "router~10.0.0.2~gw-1.istio-system~istio-system.svc.cluster.local"


@pytest.mark.oracle
@pytest.mark.parametrize("mode", list(Interception))
def test_samples_translate_to_what_envoy_accepts(tmp_path, mode):
    folder = istio_corpus("samples")
    sets = sorted({path.parent for path in folder.rglob("*.yaml")})
    proxy = parse_node(NODE, labels={"app": "productpage"}, interception=mode)
    wrong = {}
    for number, directory in enumerate(sets):
        mesh, _ = load([directory], "cluster.local")
        found = refusal(translate(mesh, proxy), tmp_path / f"{number}.json")
        if found:
            wrong[str(directory)] = found
    print(f"conformance: samples, {mode.name}: {len(sets) - len(wrong)} of {len(sets)} folders")
    assert sets
    assert wrong == {}


@pytest.mark.oracle
def test_gateways_of_samples_are_what_envoy_accepts(tmp_path):
    """Each Gateway, at a proxy that it selects."""
    folder = istio_corpus("samples")
    checked, wrong = 0, {}
    for directory in sorted({path.parent for path in folder.rglob("*.yaml")}):
        mesh, _ = load([directory], "cluster.local")
        for gateway in mesh.of(Gateway):
            checked += 1
            made = translate(mesh, parse_node(GATEWAY, labels=gateway.spec.selector))
            found = refusal(made, tmp_path / f"{checked}.json")
            if found or not made["listeners"]:
                wrong[str(gateway.key)] = found
    print(f"conformance: gateways of samples: {checked - len(wrong)} of {checked}")
    assert checked
    assert wrong == {}
