"""Who a proxy says that it is: its node, as Istio's agent writes it.

Source: pkg/bootstrap/config.go and pilot/pkg/model/context.go (NodeMetadata).
"""

from __future__ import annotations

from collections.abc import Mapping

from lateen.agent.options import Options

_LOCALITY = ("region", "zone", "sub_zone")


def node_id(options: Options) -> str:
    """`TYPE~ADDRESS~NAME.NAMESPACE~NAMESPACE.svc.DOMAIN`."""
    instance = f"{options.name}.{options.namespace}"
    domain = f"{options.namespace}.svc.{options.domain}"
    return "~".join((options.type, options.ip, instance, domain))


def node(options: Options) -> Mapping[str, object]:
    """The node of a bootstrap, as JSON."""
    metadata: dict[str, object] = {
        "NAME": options.name,
        "NAMESPACE": options.namespace,
        "WORKLOAD_NAME": options.name,
        "SERVICE_ACCOUNT": options.service_account,
        "INSTANCE_IPS": options.ip,
        "INTERCEPTION_MODE": options.interception,
        "MESH_ID": options.mesh_id,
        "LABELS": dict(options.labels),
    }
    if options.envoy is None and not options.no_istio_filters:
        # It has Istio's filters, as far as it has them; an ordinary Envoy does not.
        metadata["LATEEN_VERSION"] = options.version
    if options.dns_capture:
        metadata["DNS_CAPTURE"] = "true"
    application = options.labels.get("app", options.name)
    found: dict[str, object] = {
        "id": node_id(options),
        "cluster": f"{application}.{options.namespace}",
        "metadata": metadata,
    }
    if options.locality:
        parts = options.locality.split("/")
        found["locality"] = dict(zip(_LOCALITY, parts, strict=False))
    return found
