"""Lateen: a service proxy that runs Envoy's v3 configuration, and soon the mesh around it."""
