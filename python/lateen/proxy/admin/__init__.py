"""The admin listener: Envoy's endpoints (docs: operations/admin)."""
