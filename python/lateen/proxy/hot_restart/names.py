"""The names of the sockets of hot restart, which tell the proxies of one machine apart."""

from __future__ import annotations

# How many epochs have names of their own, as in Envoy; who is replaced gives its name up.
EPOCHS = 3


def socket_name(socket_path: str, base_id: int, epoch: int) -> str:
    """Where the process of an epoch is asked to hand over; a leading `@` is the abstract namespace.

    As Envoy's: `@envoy_domain_socket_parent_71`: base id 7, epoch 1, 4, 7 ...
    """
    return f"{socket_path}_parent_{base_id * 10 + epoch % EPOCHS}"


def kernel_name(name: str) -> str:
    """The name as the kernel takes it."""
    return "\0" + name[1:] if name.startswith("@") else name
