"""The descriptor set: overlays, dropped options and the index."""

import pytest
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldOptions,
    FileDescriptorProto,
    FileDescriptorSet,
)

import envoy_descriptors
import overlay
import slim
import wire


@pytest.fixture
def available():
    names = ("google/protobuf", "validate/", "envoy/annotations", "udpa/annotations/", "xds/annot")
    files = (*envoy_descriptors._package_files(), *envoy_descriptors._well_known_files())
    return {f.name: f for f in files if f.name.startswith(names)} | {
        "a.proto": FileDescriptorProto(
            name="a.proto",
            package="p",
            message_type=[
                DescriptorProto(
                    name="M",
                    oneof_decl=[{"name": "kind"}],
                    field=[
                        {"name": "x", "number": 1, "oneof_index": 0},
                        {"name": "last", "number": 2},
                    ],
                    enum_type=[{"name": "E", "value": [{"name": "ZERO", "number": 0}]}],
                )
            ],
        )
    }


def merged(tmp_path, available, message):
    text = f'file {{ name: "a.proto" package: "p" message_type {{ name: "M" {message} }} }}'
    (tmp_path / "o.textproto").write_text(text)
    overlay.apply(tmp_path, available)
    return available["a.proto"].message_type[0]


def test_an_overlay_adds_a_member_beside_its_oneof(tmp_path, available):
    added = 'oneof_decl { name: "kind" } field { name: "new" number: 3 oneof_index: 0 }'
    message = merged(tmp_path, available, added)
    assert [(f.name, f.number) for f in message.field] == [("x", 1), ("new", 3), ("last", 2)]
    assert message.field[1].oneof_index == 0
    assert len(message.oneof_decl) == 1


def test_an_overlay_replaces_the_options_of_a_field(tmp_path, available):
    rule = "options { [validate.rules] { string { min_len: 1 } } }"
    message = merged(tmp_path, available, f'field {{ name: "last" number: 2 {rule} }}')
    kept = list(wire.fields(message.field[1].options.SerializeToString()))
    assert [number for number, _ in kept] == [1071]


def test_an_overlay_adds_enum_values(tmp_path, available):
    added = 'enum_type { name: "E" value { name: "ONE" number: 1 } }'
    message = merged(tmp_path, available, added)
    assert [value.name for value in message.enum_type[0].value] == ["ZERO", "ONE"]


@pytest.mark.parametrize(
    "added",
    [
        'field { name: "last" number: 9 }',
        'enum_type { name: "E" value { name: "ZERO" number: 1 } }',
    ],
)
def test_an_overlay_must_not_contradict(tmp_path, available, added):
    with pytest.raises(overlay.OverlayError):
        merged(tmp_path, available, added)


def test_only_options_that_are_read_are_kept():
    unread = wire.varint(500_000 << 3) + b"\x01"
    rules = wire.varint(1071 << 3 | wire.LENGTH_DELIMITED) + b"\x00"
    options = FieldOptions.FromString(FieldOptions(deprecated=True).SerializeToString() + unread)
    options.MergeFromString(rules)
    file = FileDescriptorProto(
        name="a.proto",
        dependency=["udpa/annotations/status.proto", "b.proto"],
        message_type=[DescriptorProto(name="M", field=[{"name": "x", "json_name": "x"}])],
    )
    file.message_type[0].field[0].options.CopyFrom(options)
    slim.drop_unused(file)
    assert list(file.dependency) == ["b.proto"]
    field = file.message_type[0].field[0]
    assert not field.HasField("json_name")
    kept = wire.fields(field.options.SerializeToString())
    assert sorted(number for number, _ in kept) == [3, 1071]


def test_the_index_follows_a_set_that_others_can_read():
    files = FileDescriptorSet(
        file=[
            FileDescriptorProto(name="a.proto", package="p", message_type=[{"name": "M"}]),
            FileDescriptorProto(name="b.proto", enum_type=[{"name": "E"}]),
        ]
    )
    data = envoy_descriptors.with_index(files)
    assert [f.name for f in FileDescriptorSet.FromString(data).file] == ["a.proto", "b.proto"]
    number, index = list(wire.fields(data))[-1]
    assert number == envoy_descriptors.INDEX_FIELD
    assert index.endswith(b"\nE\t1\np.M\t0\n")
