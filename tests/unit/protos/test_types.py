"""The private pool: every v3 type resolves, and the default pool stays untouched."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

import lateen.protos
from lateen.protos import TypeRegistry, UnknownTypeError, envoy_types

HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def test_every_file_builds():
    types = envoy_types()
    names = types.file_names()
    assert len(names) > 400
    for name in names:
        assert types.pool.FindFileByName(name).name == name


def test_every_symbol_is_found():
    types = envoy_types()
    for symbol in types.symbols():
        assert types.pool.FindFileContainingSymbol(symbol).name in types.file_names()


@pytest.mark.parametrize(
    "name",
    [
        "envoy.config.bootstrap.v3.Bootstrap",
        "envoy.config.cluster.v3.Cluster.CommonLbConfig",
        HCM,
        "udpa.type.v1.TypedStruct",
        "xds.type.v3.TypedStruct",
        "xds.type.matcher.v3.Matcher",
        "google.protobuf.FieldMask",
        "google.rpc.Status",
        "validate.FieldRules",
    ],
)
def test_message_class(name):
    assert envoy_types().message_class(name).DESCRIPTOR.full_name == name


def test_unpack_gives_what_was_packed():
    types = envoy_types()
    hcm = types.message_class(HCM)(stat_prefix="ingress")
    packed = types.message_class("google.protobuf.Any")()
    packed.Pack(hcm)
    assert packed.type_url == f"type.googleapis.com/{HCM}"
    assert types.unpack(packed) == hcm


def test_unpack_accepts_any_url_prefix():
    types = envoy_types()
    packed = types.message_class("google.protobuf.Any")(type_url=f"example.com/types/{HCM}")
    assert types.unpack(packed).DESCRIPTOR.full_name == HCM


@pytest.mark.parametrize("url", ["", HCM, f"/{HCM}", "type.googleapis.com/envoy.Nothing"])
def test_unpack_refuses_a_url_without_a_known_type(url):
    types = envoy_types()
    with pytest.raises(UnknownTypeError):
        types.unpack(types.message_class("google.protobuf.Any")(type_url=url))


@pytest.mark.parametrize("name", ["", "envoy", "envoy.config.cluster.v3.Clusters", "a\tb"])
def test_unknown_names_are_refused(name):
    with pytest.raises(UnknownTypeError):
        envoy_types().message_class(name)


def test_an_enum_is_no_message():
    with pytest.raises(UnknownTypeError):
        envoy_types().message_class("envoy.config.core.v3.HealthStatus")
    assert envoy_types().enum("envoy.config.core.v3.HealthStatus").values_by_name["HEALTHY"]


def test_the_default_pool_is_left_alone():
    script = (
        "import lateen.protos as p; from google.protobuf.descriptor_pool import Default\n"
        "p.envoy_types().message_class('envoy.config.bootstrap.v3.Bootstrap')\n"
        "try: Default().FindFileByName('envoy/config/bootstrap/v3/bootstrap.proto')\n"
        "except KeyError: print('absent')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "absent\n"


def test_validate_rules_survive():
    types = envoy_types()
    types.pool.FindFileByName("validate/validate.proto")
    rules = types.pool.FindExtensionByName("validate.rules")
    field = types.descriptor("envoy.config.cluster.v3.Cluster").fields_by_name["name"]
    options = types.message_class("google.protobuf.FieldOptions").FromString(
        field.GetOptions().SerializeToString()
    )
    assert options.Extensions[rules].string.min_len == 1


def test_classes_are_made_once_if_they_are_kept():
    types = TypeRegistry(Path(lateen.protos.__file__).with_name("envoy.binpb").read_bytes())
    types.keep_classes()
    first = id(types.message_class(HCM))
    gc.collect()
    assert id(types.message_class(HCM)) == first
