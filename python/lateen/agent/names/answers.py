"""Answers to queries of DNS from the names of the mesh. No I/O.

Source: pkg/dns/client/dns.go of Istio; RFC 1035, RFC 6891 (sizes).
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from lateen.agent.names.table import Names

TTL_S = 30
_SMALLEST_UDP, _LARGEST = 512, 65535
_HEADER = 12


class BadQueryError(Exception):
    """Bytes that are no query.

    Attributes:
        answer: what the client is told; empty: nothing.
    """

    def __init__(self, answer: bytes = b"") -> None:
        super().__init__("no query of DNS")
        self.answer = answer


def read_query(data: bytes) -> dns.message.Message:
    """A query.

    Raises:
        BadQueryError: it is none.
    """
    if len(data) < _HEADER or data[2] & 0x80:  # an answer: to answer it could go on for ever
        raise BadQueryError
    try:
        query = dns.message.from_wire(data)
    except dns.exception.DNSException:
        refused = dns.message.Message(id=int.from_bytes(data[:2], "big"))
        refused.flags |= dns.flags.QR
        refused.set_rcode(dns.rcode.FORMERR)
        raise BadQueryError(refused.to_wire()) from None
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        raise BadQueryError(failure(query, dns.rcode.NOTIMP).to_wire())
    return query


def answer(query: dns.message.Message, names: Names) -> dns.message.Message | None:
    """What the mesh says to a query; None: others are to be asked.

    A known host without addresses of the family that is asked for has an empty answer: it exists.
    """
    (question,) = query.question
    kind = question.rdtype
    if question.rdclass != dns.rdataclass.IN or kind not in (
        dns.rdatatype.A,
        dns.rdatatype.AAAA,
    ):
        return None
    host = names.find(question.name.to_text(omit_final_dot=True))
    if host is None:
        return None
    made = dns.message.make_response(query, recursion_available=True)
    made.flags |= dns.flags.AA
    addresses = host.v4 if kind == dns.rdatatype.A else host.v6
    if addresses:
        owner = question.name
        if host.alias_of:
            owner = dns.name.from_text(host.alias_of)
            made.answer.append(_records(question.name, "CNAME", [owner.to_text()]))
        # Clients tend to take the first.
        mixed = random.sample(addresses, len(addresses))
        made.answer.append(_records(owner, kind.name, mixed))
    return made


def failure(query: dns.message.Message, code: dns.rcode.Rcode) -> dns.message.Message:
    """An answer that says only what went wrong."""
    made = dns.message.make_response(query, recursion_available=True)
    made.set_rcode(code)
    return made


def to_wire(made: dns.message.Message, query: dns.message.Message, *, udp: bool) -> bytes:
    """An answer as bytes, cut where the client's buffer ends."""
    size = max(query.payload, _SMALLEST_UDP) if udp else _LARGEST
    return made.to_wire(max_size=size, prefer_truncation=True)


def _records(owner: dns.name.Name, kind: str, values: Sequence[str]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(owner, TTL_S, dns.rdataclass.IN, kind, values)
