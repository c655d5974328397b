from tests.support.analysis import manifest, messages, told

ANALYZER = "schema.ValidationAnalyzer"


def test_errors_and_warnings_of_each_resource():
    text = manifest("Gateway", "g", "{}") + manifest("PeerAuthentication", "p", "{selector: {}}")
    assert told(ANALYZER, text) == [
        "IST0106 Gateway shop/g 4",
        "IST0133 PeerAuthentication shop/p 9",
    ]
    assert messages(ANALYZER, text)[0].text == "spec.servers: the gateway has no servers (add one)"


def test_what_cannot_be_decoded():
    text = manifest("Gateway", "g", "{serverz: []}")
    (message,) = messages(ANALYZER, text)
    assert message.type.code == "IST0106"
    assert message.text == "spec.serverz: unknown field 'serverz' (did you mean 'servers'?)"


def test_kinds_that_nobody_looks_at_are_left_alone():
    head = "networking.istio.io/v1alpha3"
    assert messages(ANALYZER, manifest("EnvoyFilter", "e", head=head)) == []


def test_a_resource_that_is_there_twice():
    text = manifest("Telemetry", "t") + manifest("Telemetry", "t")
    (message,) = messages(ANALYZER, text)
    assert (message.type.code, message.line) == ("IST0106", 8)
    assert message.text == "metadata.name: it is already defined in mesh.yaml:3"


def test_annotations_suppress_messages():
    text = manifest(
        "Gateway", "g", "{}", annotations="{galley.istio.io/analyze-suppress: 'IST0101,IST0106'}"
    )
    assert told(ANALYZER, text) == []
    assert told(ANALYZER, text.replace("IST0106", "IST0107")) == ["IST0106 Gateway shop/g 4"]
    assert told(ANALYZER, text.replace("IST0101,IST0106", "*")) == []
