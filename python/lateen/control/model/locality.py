"""Where workloads are: `REGION/ZONE/SUBZONE`, and the labels that tell it.

Source: pilot/pkg/serviceregistry/util/label/label.go, pilot/pkg/xds/ads.go setTopologyLabels,
pkg/model/proxy.go GetLocalityLabel.
"""

from __future__ import annotations

from collections.abc import Mapping

NETWORK = "topology.istio.io/network"
NODE = "kubernetes.io/hostname"
LEVELS = (
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.istio.io/subzone",
)
"""The labels of region, zone and subzone."""

_WHOLE = ("topology.istio.io/locality", "istio-locality")
_ANY = "*"


def of_levels(labels: Mapping[str, str], zone: str = "") -> str:
    """The place that labels tell level by level.

    Args:
        zone: where no label tells it.
    """
    region, of_label, sub_zone = (labels.get(name, "") for name in LEVELS)
    return "/".join((region, of_label or zone, sub_zone)).rstrip("/")


def of_label(labels: Mapping[str, str]) -> str:
    """The place that one label tells; labels of Kubernetes have `.` for `/`."""
    found = next((labels[name] for name in _WHOLE if name in labels), "")
    return found if "/" in found else found.replace(".", "/")


def placed(
    labels: Mapping[str, str], locality: str, network: str = "", node: str = ""
) -> Mapping[str, str]:
    """The labels with those of the place; `node` is the machine's name."""
    told = {name: level for name, level in zip(LEVELS, levels_of(locality), strict=True) if level}
    if node:
        told[NODE] = node
    if network and not labels.get(NETWORK):
        told[NETWORK] = network
    return {**labels, **told} if told else labels


def levels_of(locality: str) -> tuple[str, str, str]:
    """Region, zone and subzone; those that are not known are empty."""
    region, _, rest = locality.partition("/")
    zone, _, sub_zone = rest.partition("/")
    return region, zone, sub_zone.partition("/")[0]


def lies_in(locality: str, pattern: str) -> bool:
    """Whether a place is one of a pattern's, whose levels may be `*` or left out below the first.

    Source: pilot/pkg/networking/util/util.go LocalityMatch.
    """
    region, *lower = zip(levels_of(locality), levels_of(pattern), strict=True)
    if region[1] not in (_ANY, region[0]):
        return False
    return all(wanted in (_ANY, "", level) for level, wanted in lower)
