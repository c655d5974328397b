"""All analyzers: one line each, under istioctl's names."""

from __future__ import annotations

from lateen.control.analyze.analyzer import Analyzer
from lateen.control.analyze.application_uid import application_uid
from lateen.control.analyze.authorization_policies import authorization_policies
from lateen.control.analyze.blocked_cidrs import blocked_cidrs
from lateen.control.analyze.ca_certificates import ca_certificates
from lateen.control.analyze.deployment_services import deployment_services
from lateen.control.analyze.deprecation import deprecation
from lateen.control.analyze.destination_hosts import destination_hosts
from lateen.control.analyze.destination_rules import destination_rules
from lateen.control.analyze.gateway_certificates import gateway_certificates
from lateen.control.analyze.gateway_conflicts import gateway_conflicts
from lateen.control.analyze.gateway_ports import gateway_ports
from lateen.control.analyze.gateway_secrets import gateway_secrets
from lateen.control.analyze.gateway_selectors import gateway_selectors
from lateen.control.analyze.injection import injection
from lateen.control.analyze.istio_annotations import istio_annotations
from lateen.control.analyze.jwt_claim_routes import jwt_claim_routes
from lateen.control.analyze.mesh_gateway_hosts import mesh_gateway_hosts
from lateen.control.analyze.mesh_networks import mesh_networks
from lateen.control.analyze.port_names import port_names
from lateen.control.analyze.schema import validation
from lateen.control.analyze.service_entry_addresses import service_entry_addresses
from lateen.control.analyze.service_entry_protocols import service_entry_protocols
from lateen.control.analyze.sidecar_selectors import sidecar_selectors
from lateen.control.analyze.subsets import subsets
from lateen.control.analyze.telemetry_defaults import telemetry_defaults
from lateen.control.analyze.telemetry_lightstep import telemetry_lightstep
from lateen.control.analyze.telemetry_providers import telemetry_providers
from lateen.control.analyze.telemetry_selectors import telemetry_selectors
from lateen.control.analyze.virtual_service_gateways import virtual_service_gateways

_VS = "virtualservice"

ANALYZERS: tuple[Analyzer, ...] = (
    Analyzer("annotations.K8sAnalyzer", "annotations of Istio's on other kinds", istio_annotations),
    Analyzer(
        "applicationUID.Analyzer",
        "applications that run as the sidecar's user",
        application_uid,
        "deployment.ApplicationUIDAnalyzer",
    ),
    Analyzer(
        "auth.AuthorizationPoliciesAnalyzer",
        "workloads and namespaces of authorization policies",
        authorization_policies,
        "authz.AuthorizationPoliciesAnalyzer",
    ),
    Analyzer("authn.BlockedCIDRsAnalyzer", "where keys of tokens may come from", blocked_cidrs),
    Analyzer(
        "deployment.MultiServiceAnalyzer",
        "services of one deployment",
        deployment_services,
        "deployment.ServiceAssociationAnalyzer",
    ),
    Analyzer(
        "deprecation.DeprecationAnalyzer",
        "deprecated fields and kinds",
        deprecation,
        "deprecation.FieldAnalyzer",
    ),
    Analyzer("destinationrule.CaCertificateAnalyzer", "TLS without verifying", ca_certificates),
    Analyzer(
        "destinationrule.SubsetSelectPodAnalyzer",
        "hosts and pods of destination rules",
        subsets,
        "destinationrule.PodNotSelectedAnalyzer",
    ),
    Analyzer("gateway.CertificateAnalyzer", "certificates of two gateways", gateway_certificates),
    Analyzer("gateway.ConflictingGatewayAnalyzer", "gateways of one host", gateway_conflicts),
    Analyzer("gateway.IngressGatewayPortAnalyzer", "ports of gateways' services", gateway_ports),
    Analyzer("gateway.SecretAnalyzer", "certificates of gateways", gateway_secrets),
    Analyzer("injection.Analyzer", "namespaces and pods without sidecars", injection),
    Analyzer("k8sgateway.SelectorAnalyzer", "policies of gateways' pods", gateway_selectors),
    Analyzer(
        "meshnetworks.MeshNetworksAnalyzer",
        "registries of networks",
        mesh_networks,
        "multicluster.MeshNetworksAnalyzer",
    ),
    Analyzer(
        "schema.ValidationAnalyzer",
        "what each resource must be, and routes that are never used",
        validation,
        "schema.CollectionValidationAnalyzer",
    ),
    Analyzer("service.PortNameAnalyzer", "names of services' ports", port_names),
    Analyzer(
        "serviceentry.Analyzer",
        "addresses of service entries",
        service_entry_addresses,
        "serviceentry.ProtocolAddressesAnalyzer",
    ),
    Analyzer(
        "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
        "protocols of service entries of one host",
        service_entry_protocols,
    ),
    Analyzer("sidecar.SelectorAnalyzer", "pods of sidecars", sidecar_selectors),
    Analyzer("telemetry.DefaultSelectorAnalyzer", "telemetries of namespaces", telemetry_defaults),
    Analyzer("telemetry.LightstepAnalyzer", "traces with Lightstep", telemetry_lightstep),
    Analyzer("telemetry.ProviderAnalyzer", "providers of access logs", telemetry_providers),
    Analyzer("telemetry.SelectorAnalyzer", "pods of telemetries", telemetry_selectors),
    Analyzer(f"{_VS}.ConflictingMeshGatewayHostsAnalyzer", "equal hosts", mesh_gateway_hosts),
    Analyzer(f"{_VS}.DestinationHostAnalyzer", "hosts of destinations", destination_hosts),
    Analyzer(f"{_VS}.DestinationRuleAnalyzer", "subsets of destinations", destination_rules),
    Analyzer(f"{_VS}.GatewayAnalyzer", "gateways and their hosts", virtual_service_gateways),
    Analyzer(f"{_VS}.JWTClaimRouteAnalyzer", "claims that are not verified", jwt_claim_routes),
)
"""Sorted by name."""


def analyzers_called(names: list[str]) -> tuple[Analyzer, ...]:
    """The analyzers that a user names; all, if none.

    Raises:
        ValueError: there is none of a name.
    """
    unknown = [name for name in names if not any(one.is_called(name) for one in ANALYZERS)]
    if unknown:
        raise ValueError(f"there is no analyzer {unknown[0]!r}: --list-analyzers prints all")
    return tuple(
        one for one in ANALYZERS if not names or any(one.is_called(name) for name in names)
    )
