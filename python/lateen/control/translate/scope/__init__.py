"""What a proxy knows of the mesh: the services and rules of its egress listeners."""
