"""End-to-end tests: the real command on real sockets."""
