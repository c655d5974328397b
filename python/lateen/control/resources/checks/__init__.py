"""What the API server and Istio's webhook check of a resource beyond its types."""
