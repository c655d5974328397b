"""RequestAuthentication: which tokens of requests are valid.

Source: istio/api security/v1beta1/request_authentication.proto.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lateen.control.resources.meta import Strict
from lateen.control.resources.scalars import Duration, Text
from lateen.control.resources.selectors import LabelSelector, PolicyTargetReference


class JwtHeader(Strict, frozen=True):
    """A header that holds a token, after a prefix."""

    name: Text
    prefix: str = ""


class ClaimToHeader(Strict, frozen=True):
    """A claim that the application gets as a header."""

    header: Text
    claim: Text


class JwtRule(Strict, frozen=True):
    """An issuer, where its tokens are and how they are verified."""

    issuer: Text = ""
    audiences: tuple[Text, ...] = ()
    jwks_uri: Annotated[str, Meta(min_length=1, max_length=2048)] = ""
    jwks: str = ""
    from_headers: tuple[JwtHeader, ...] = ()
    from_params: tuple[Text, ...] = ()
    from_cookies: tuple[Text, ...] = ()
    output_payload_to_header: str = ""
    forward_original_token: bool = False
    output_claim_to_headers: tuple[ClaimToHeader, ...] = ()
    timeout: Duration | None = None
    space_delimited_claims: Annotated[tuple[Text, ...], Meta(max_length=64)] = ()


class RequestAuthentication(Strict, frozen=True):
    """What `spec` holds."""

    selector: LabelSelector | None = None
    target_ref: PolicyTargetReference | None = None
    target_refs: tuple[PolicyTargetReference, ...] = ()
    jwt_rules: Annotated[tuple[JwtRule, ...], Meta(max_length=4096)] = ()
