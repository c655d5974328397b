from lateen.control.translate import api


def test_every_name_is_that_of_a_message():
    for name, full_name in api._NAMES.items():
        assert getattr(api, name).DESCRIPTOR.full_name == full_name


def test_equal_messages_are_packed_alike():
    one = api.Rbac(policies={name: api.Policy() for name in "abc"})
    other = api.Rbac(policies={name: api.Policy() for name in "cba"})
    assert api.packed(one).value == api.packed(other).value
    assert api.packed(one).type_url == "type.googleapis.com/envoy.config.rbac.v3.RBAC"
