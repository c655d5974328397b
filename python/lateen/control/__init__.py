"""The control plane: Istio's resources in, the xDS of every proxy out."""
