import pytest

from lateen.proxy.compile.internal_redirect import compile_internal_redirect
from tests.support.messages import context, errors, message

UNKNOWN = "type.googleapis.com/envoy.config.core.v3.Node"
PACKAGE = "type.googleapis.com/envoy.extensions.internal_redirect"


def redirect(ctx, **action):
    return compile_internal_redirect(ctx, message("config.route.v3.RouteAction", action), "route")


def policy(ctx, **given):
    return redirect(ctx, internal_redirect_policy=given)


def test_a_route_without_a_policy_follows_none():
    assert redirect(context()) is None
    assert redirect(context(), max_internal_redirects=3) is None


def test_defaults_are_one_redirect_of_status_302():
    compiled = policy(context())
    assert (list(compiled.statuses), compiled.max_redirects) == ([302], 1)
    assert not compiled.allow_cross_scheme


def test_statuses_that_are_no_redirects_count_for_nothing():
    assert list(policy(context(), redirect_response_codes=[301, 200, 308]).statuses) == [301, 308]
    assert list(policy(context(), redirect_response_codes=[200]).statuses) == []


def test_the_older_fields_mean_the_same():
    compiled = redirect(context(), internal_redirect_action=1, max_internal_redirects=3)
    assert (list(compiled.statuses), compiled.max_redirects) == ([302], 3)
    assert redirect(context(), internal_redirect_action=1).max_redirects == 1


def test_the_policy_counts_more_than_the_older_fields():
    compiled = redirect(
        context(),
        internal_redirect_action=1,
        max_internal_redirects=3,
        internal_redirect_policy={"max_internal_redirects": 0},
    )
    assert compiled.max_redirects == 0


def test_predicates_keep_their_order():
    listed = f"{PACKAGE}.allow_listed_routes.v3.AllowListedRoutesConfig"
    compiled = policy(
        context(),
        predicates=[
            {"name": "a", "typed_config": {"@type": listed, "allowed_route_names": ["x", "y"]}},
            {
                "name": "b",
                "typed_config": {"@type": f"{PACKAGE}.previous_routes.v3.PreviousRoutesConfig"},
            },
            {
                "name": "c",
                "typed_config": {"@type": f"{PACKAGE}.safe_cross_scheme.v3.SafeCrossSchemeConfig"},
            },
        ],
    )
    kinds = [predicate.WhichOneof("kind") for predicate in compiled.predicates]
    assert kinds == ["allow_listed_routes", "previous_routes", "safe_cross_scheme"]
    assert list(compiled.predicates[0].allow_listed_routes.names) == ["x", "y"]


def test_an_unknown_predicate_is_an_error():
    ctx = context()
    policy(
        ctx,
        predicates=[{"name": "envoy.x", "typed_config": {"@type": UNKNOWN}}],
    )
    (report,) = errors(ctx)
    assert report.startswith("route.internal_redirect_policy.predicates[0]")
    assert "internal redirect predicate envoy.x" in report


def test_headers_to_copy_are_lower_case():
    assert list(policy(context(), response_headers_to_copy=["X-A"]).headers_to_copy) == ["x-a"]


@pytest.mark.parametrize("name", [":path", "Host"])
def test_some_headers_cannot_be_copied(name):
    ctx = context()
    policy(ctx, response_headers_to_copy=["x-a", name])
    (report,) = errors(ctx)
    assert report.startswith("route.internal_redirect_policy.response_headers_to_copy[1]")
