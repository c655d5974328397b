"""The kinds of messages that analyzers report.

Source: istio.io, Configuration Analysis Messages; Istio pkg/config/analysis/msg/messages.yaml.
"""

from __future__ import annotations

from lateen.control.analyze.message import Level, MessageType

_E, _W, _I = Level.ERROR, Level.WARNING, Level.INFO

DEPRECATED = MessageType("IST0002", "Deprecated", _W)
NOT_FOUND = MessageType("IST0101", "ReferencedResourceNotFound", _E)
NAMESPACE_NOT_INJECTED = MessageType("IST0102", "NamespaceNotInjected", _I)
POD_MISSING_PROXY = MessageType("IST0103", "PodMissingProxy", _W)
SCHEMA_ERROR = MessageType("IST0106", "SchemaValidationError", _E)
MISPLACED_ANNOTATION = MessageType("IST0107", "MisplacedAnnotation", _W)
UNKNOWN_ANNOTATION = MessageType("IST0108", "UnknownAnnotation", _W)
CONFLICTING_HOSTS = MessageType("IST0109", "ConflictingMeshGatewayVirtualServiceHosts", _E)
CONFLICTING_SIDECARS = MessageType("IST0110", "ConflictingSidecarWorkloadSelectors", _E)
MULTIPLE_SIDECARS = MessageType("IST0111", "MultipleSidecarsWithoutWorkloadSelectors", _E)
PORT_REQUIRED = MessageType("IST0112", "VirtualServiceDestinationPortSelectorRequired", _E)
SEVERAL_PROTOCOLS = MessageType("IST0116", "DeploymentAssociatedToMultipleServices", _W)
PORT_NAME = MessageType("IST0118", "PortNameIsNotUnderNamingConvention", _I)
INJECTION_LABELS = MessageType("IST0123", "NamespaceMultipleInjectionLabels", _W)
INVALID_ANNOTATION = MessageType("IST0125", "InvalidAnnotation", _W)
UNKNOWN_REGISTRY = MessageType("IST0126", "UnknownMeshNetworksServiceRegistry", _E)
NO_WORKLOADS = MessageType("IST0127", "NoMatchingWorkloadsFound", _W)
UNVERIFIED_HOST = MessageType("IST0128", "NoServerCertificateVerificationDestinationLevel", _W)
UNVERIFIED_PORT = MessageType("IST0129", "NoServerCertificateVerificationPortLevel", _W)
UNREACHABLE_RULE = MessageType("IST0130", "VirtualServiceUnreachableRule", _W)
INEFFECTIVE_MATCH = MessageType("IST0131", "VirtualServiceIneffectiveMatch", _I)
HOST_NOT_IN_GATEWAY = MessageType("IST0132", "VirtualServiceHostNotFoundInGateway", _W)
SCHEMA_WARNING = MessageType("IST0133", "SchemaWarning", _W)
ADDRESSES_REQUIRED = MessageType("IST0134", "ServiceEntryAddressesRequired", _W)
DEPRECATED_ANNOTATION = MessageType("IST0135", "DeprecatedAnnotation", _I)
CONFLICTING_PORTS = MessageType("IST0137", "DeploymentConflictingPorts", _W)
DUPLICATE_CERTIFICATE = MessageType("IST0138", "GatewayDuplicateCertificate", _W)
SUBSET_NOT_AT_INGRESS = MessageType("IST0140", "IngressRouteRulesNotAffected", _W)
APPLICATION_UID = MessageType("IST0144", "InvalidApplicationUID", _W)
CONFLICTING_GATEWAYS = MessageType("IST0145", "ConflictingGateways", _E)
INJECTED_BY_DEFAULT = MessageType("IST0148", "NamespaceInjectionEnabledByDefault", _I)
CLAIMS_NOT_VERIFIED = MessageType("IST0149", "JwtClaimBasedRoutingWithoutRequestAuthN", _E)
EXTERNAL_PORT_NAME = MessageType("IST0150", "ExternalNameServiceTypeInvalidPortName", _W)
NO_PROVIDER = MessageType("IST0157", "InvalidTelemetryProvider", _W)
CONFLICTING_TELEMETRIES = MessageType("IST0159", "ConflictingTelemetryWorkloadSelectors", _E)
MULTIPLE_TELEMETRIES = MessageType("IST0160", "MultipleTelemetriesWithoutWorkloadSelectors", _E)
INVALID_CREDENTIAL = MessageType("IST0161", "InvalidGatewayCredential", _E)
PORT_NOT_IN_SERVICE = MessageType("IST0162", "GatewayPortNotDefinedOnService", _W)
INTERNAL_GATEWAY = MessageType("IST0165", "ReferencedInternalGateway", _W)
INEFFECTIVE_SELECTOR = MessageType("IST0166", "IneffectiveSelector", _W)
INEFFECTIVE_POLICY = MessageType("IST0167", "IneffectivePolicy", _W)
SUBSET_WITHOUT_PODS = MessageType("IST0173", "DestinationRuleSubsetNotSelectPods", _E)
UNKNOWN_RULE_HOST = MessageType("IST0174", "UnknownDestinationRuleHost", _W)
KEYS_UNRESTRICTED = MessageType("IST0175", "JwksUriFetchUnrestricted", _W)
CONFLICTING_PROTOCOLS = MessageType("IST0177", "ConflictingServiceEntryProtocol", _W)
