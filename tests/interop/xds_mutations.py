"""Breaks good xDS resources at random, the same way for the same seed.

The good ones are the clusters, listeners, routes and endpoints of tests/interop/seeds. A mutation
that no message can hold (a misspelt field, a list for a text) is no resource, and is drawn again.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.message import Message

from tests.interop.mutations import Place, Tree, change, seeds
from tests.support.xds_resources import CDS, EDS, LDS, RDS, message

_ATTEMPTS = 1000


@dataclass(frozen=True)
class Mutant:
    """A resource that may be bad.

    Attributes:
        url: its type.
        done: what was done to a good one.
        place: where.
        resource: the message.
    """

    url: str
    done: str
    place: Place
    resource: Message


def good_resources() -> list[tuple[str, Tree]]:
    """Type URLs and trees."""
    found: list[tuple[str, Tree]] = []
    for tree in seeds().values():
        static = tree["static_resources"]
        for cluster in static.get("clusters", ()):
            found.append((CDS, cluster))
            if cluster.get("type") == "STATIC" and "load_assignment" in cluster:
                found.append((EDS, {**cluster["load_assignment"], "cluster_name": "static"}))
        for listener in static.get("listeners", ()):
            found.append((LDS, listener))
            found += [(RDS, {**routes, "validate_clusters": False}) for routes in inline(listener)]
    return found


def inline(tree: Tree) -> Iterator[Tree]:
    """Every `route_config` in a tree."""
    if isinstance(tree, dict):
        if "route_config" in tree:
            yield tree["route_config"]
        for value in tree.values():
            yield from inline(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from inline(value)


def mutants(count: int, seed: int) -> Iterator[Mutant]:
    """`count` mutants; the kinds take turns."""
    chooser = random.Random(seed)
    by_kind = {
        kind: [tree for url, tree in good_resources() if url == kind]
        for kind in (CDS, EDS, LDS, RDS)
    }
    for number in range(count):
        kind = list(by_kind)[number % len(by_kind)]
        yield _mutant(kind, by_kind[kind], chooser)


def _mutant(url: str, good: list[Tree], chooser: random.Random) -> Mutant:
    for _ in range(_ATTEMPTS):
        tree = copy.deepcopy(chooser.choice(good))
        done, place = change(tree, chooser)
        if _is_who_it_is(url, place):
            continue
        try:
            return Mutant(url, done, place, message(url, tree))
        except (json_format.ParseError, TypeError, ValueError, OverflowError, AttributeError):
            continue
    raise AssertionError(f"no message among {_ATTEMPTS} mutations")


def _is_who_it_is(url: str, place: Place) -> bool:
    """Whether a place is the name by which the resource is asked for, or the rule that only
    resources of their own have.
    """
    return (url, place) in {
        (EDS, ("cluster_name",)),
        (RDS, ("name",)),
        (RDS, ("validate_clusters",)),
    }
