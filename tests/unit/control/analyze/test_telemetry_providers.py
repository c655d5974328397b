from lateen.control.mesh_config import MeshConfig
from lateen.control.providers import DefaultProviders
from tests.support.analysis import manifest, told

ANALYZER = "telemetry.ProviderAnalyzer"


def telemetry(logging):
    return manifest("Telemetry", "t", f"{{accessLogging: [{logging}]}}")


def test_an_access_log_has_a_provider():
    assert told(ANALYZER, telemetry("{}")) == ["IST0157 Telemetry shop/t 4"]
    assert told(ANALYZER, telemetry("{providers: [{name: a}]}")) == []
    assert told(ANALYZER, telemetry("{disabled: true}")) == []


def test_the_mesh_may_have_one():
    providers = DefaultProviders(access_logging=("a",))
    settings = MeshConfig(default_providers=providers)
    assert told(ANALYZER, telemetry("{}"), settings=settings) == []
    mesh = "defaultProviders: {accessLogging: [a]}"
    config = manifest("ConfigMap", "istio", f"data: {{mesh: '{mesh}'}}", namespace="istio-system")
    assert told(ANALYZER, telemetry("{}") + config) == []
