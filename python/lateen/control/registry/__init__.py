"""Where services, endpoints and resources come from."""
