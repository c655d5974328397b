"""What a request costs that goes through two sidecars with mutual TLS between them."""
