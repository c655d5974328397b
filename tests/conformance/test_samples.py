"""Istio's sample manifests load, translate, and are accepted by the real Envoy."""

import pytest

from lateen.control.model.proxy import Interception, parse_node
from lateen.control.offline import load, translate
from tests.support.accepted import refusal
from tests.support.corpus import istio_corpus

NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"


@pytest.mark.oracle
@pytest.mark.parametrize("mode", list(Interception))
def test_samples_translate_to_what_envoy_accepts(tmp_path, mode):
    folder = istio_corpus("samples")
    sets = sorted({path.parent for path in folder.rglob("*.yaml")})
    proxy = parse_node(NODE, labels={"app": "productpage"}, interception=mode)
    wrong = {}
    for number, directory in enumerate(sets):
        mesh, _ = load(directory, "cluster.local")
        found = refusal(translate(mesh, proxy), tmp_path / f"{number}.json")
        if found:
            wrong[str(directory)] = found
    print(f"conformance: samples, {mode.name}: {len(sets) - len(wrong)} of {len(sets)} folders")
    assert sets
    assert wrong == {}
