"""Istio's and Kubernetes' resources as typed values, one file a kind."""
