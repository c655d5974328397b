"""Kubernetes' kinds, of which only the fields that a mesh looks at are read."""
