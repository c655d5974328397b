"""What filters and policies add to a request, beside Envoy with the same configuration."""
