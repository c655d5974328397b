"""Istio's sample manifests load, translate, and are accepted by the real Envoy."""

import pytest

from lateen.control.model.proxy import parse_node
from lateen.control.offline import load, translate
from tests.support.corpus import istio_corpus
from tests.support.proxies import envoy_command
from tests.support.validation import refusal

NODE = "sidecar~10.0.0.1~app-1.default~default.svc.cluster.local"


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
        said = refusal(envoy, made, NODE, tmp_path / f"{number}.json")
        if said:
            wrong[str(directory)] = said
    print(f"conformance: samples {len(sets) - len(wrong)} of {len(sets)} folders")
    assert sets
    assert wrong == {}
