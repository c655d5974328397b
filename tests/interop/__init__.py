"""The same configuration and requests on the real Envoy and on Lateen."""
