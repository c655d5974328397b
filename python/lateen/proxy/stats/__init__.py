"""Stats under Envoy's names: from the workers' arrays to text, JSON, Prometheus and HTML."""
