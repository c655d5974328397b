"""Brings xDS resources to the main thread: gRPC streams, REST and files."""
