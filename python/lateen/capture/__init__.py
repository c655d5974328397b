"""Redirects the traffic of a machine, a pod or a network namespace through its sidecar."""
