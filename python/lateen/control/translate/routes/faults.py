"""What filters do with the requests of a route: faults, and what browsers may ask.

Source: pilot/pkg/networking/core/route/route.go TranslateFault, TranslateCORSPolicy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lateen.control.model.grpc import GRPC_STATUSES
from lateen.control.resources.traffic import Percent
from lateen.control.resources.virtual_service import CorsPolicy, FaultDelay, HttpFault
from lateen.control.translate import api
from lateen.control.translate.routes.matching import string_match
from lateen.control.translate.values import duration

if TYPE_CHECKING:
    from envoy.extensions.filters.common.fault.v3.fault_pb2 import FaultDelay as EnvoyDelay
    from envoy.extensions.filters.http.cors.v3.cors_pb2 import CorsPolicy as EnvoyCors
    from envoy.extensions.filters.http.fault.v3.fault_pb2 import HTTPFault
    from envoy.type.v3.percent_pb2 import FractionalPercent

_PARTS = 10_000


def fraction(percent: Percent) -> FractionalPercent:
    """A percentage; what is less than a ten-thousandth is cut off, as Istio does."""
    return api.FractionalPercent(numerator=int(percent.value * _PARTS), denominator="MILLION")


def percent(whole: int) -> FractionalPercent:
    """A percentage without a fraction."""
    return api.FractionalPercent(numerator=whole, denominator="HUNDRED")


def fault(said: HttpFault) -> HTTPFault | None:
    """The faults of a route; None: none that can be injected."""
    made = api.HttpFault()
    if said.delay is not None and said.delay.fixed_delay is not None:
        made.delay.CopyFrom(_delay(said.delay, said.delay.fixed_delay))
    abort = said.abort
    if abort is not None and (abort.http_status is not None or abort.grpc_status is not None):
        if abort.percentage is not None:
            made.abort.percentage.CopyFrom(fraction(abort.percentage))
        if abort.http_status is not None:
            made.abort.http_status = abort.http_status
        elif abort.grpc_status is not None:
            made.abort.grpc_status = GRPC_STATUSES.index(abort.grpc_status)
    return made if made.ByteSize() else None


def _delay(said: FaultDelay, seconds: float) -> EnvoyDelay:
    share = percent(said.percent) if said.percentage is None else fraction(said.percentage)
    return api.FaultDelay(fixed_delay=duration(seconds), percentage=share)


def cors(said: CorsPolicy) -> EnvoyCors:
    """What browsers may ask from other origins."""
    made = api.CorsPolicy(
        allow_methods=",".join(said.allow_methods),
        allow_headers=",".join(said.allow_headers),
        expose_headers=",".join(said.expose_headers),
    )
    made.filter_enabled.default_value.CopyFrom(percent(100))
    made.forward_not_matching_preflights.value = said.unmatched_preflights != "IGNORE"
    if said.allow_origins:
        made.allow_origin_string_match.extend(string_match(one) for one in said.allow_origins)
    else:
        made.allow_origin_string_match.extend(
            api.StringMatcher(exact=one) for one in said.allow_origin
        )
    if said.allow_credentials is not None:
        made.allow_credentials.value = said.allow_credentials
    if said.max_age is not None:
        made.max_age = str(int(said.max_age))
    return made
