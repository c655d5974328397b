"""A gRPC application without a proxy: prints whom each call reached, until its input ends.

Run as a process of its own, because gRPC reads GRPC_XDS_BOOTSTRAP_CONFIG once.
"""

from __future__ import annotations

import sys

import grpc

METHOD = "/test.Who/Is"


def main() -> None:
    """Call the target once for each line of the input."""
    with grpc.insecure_channel(sys.argv[1]) as channel:
        call = channel.unary_unary(METHOD)
        for _ in sys.stdin:
            try:
                answer = call(b"", timeout=5, wait_for_ready=True).decode()
            except grpc.RpcError as error:
                answer = f"{error.code().name} {error.details()}"
            print(answer, flush=True)


if __name__ == "__main__":
    main()
