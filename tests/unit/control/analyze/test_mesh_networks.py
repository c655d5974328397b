from lateen.control.analyze.mesh_files import MeshNetworks, read_mesh_file
from tests.support.analysis import manifest, told

ANALYZER = "meshnetworks.MeshNetworksAnalyzer"
NETWORKS = """\
networks:
  one:
    endpoints:
      - fromCidr: 10.0.0.0/8
      - fromRegistry: west
"""
FOUND = "IST0126 MeshNetworks istio-system/meshnetworks 5"


def settings(text=NETWORKS):
    return read_mesh_file("networks.yaml", text, MeshNetworks)


def secret(labels="{istio/multiCluster: 'true'}"):
    data = "data: {west: YQ==}"
    return manifest("Secret", "west", data, namespace="istio-system", labels=labels)


def test_a_registry_is_a_cluster_that_a_secret_leads_to():
    assert told(ANALYZER, "", networks=settings()) == [FOUND]
    assert told(ANALYZER, secret(), networks=settings()) == []
    assert told(ANALYZER, secret("{}"), networks=settings()) == [FOUND]
    known = settings(NETWORKS.replace("west", "Kubernetes"))
    assert told(ANALYZER, "", networks=known) == []


def test_networks_of_the_config_map():
    text = NETWORKS.replace("\n", "\\n")
    data = f'data: {{meshNetworks: "{text}"}}'
    config = manifest("ConfigMap", "istio", data, namespace="istio-system")
    assert told(ANALYZER, config) == [FOUND]
    assert told(ANALYZER, "") == []


def test_networks_that_cannot_be_read():
    data = "data: {meshNetworks: '['}"
    config = manifest("ConfigMap", "istio", data, namespace="istio-system")
    assert told("schema.ValidationAnalyzer", config) == ["IST0106 ConfigMap istio-system/istio 4"]
    assert told(ANALYZER, config) == []
