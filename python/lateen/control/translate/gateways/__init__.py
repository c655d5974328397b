"""What a proxy at the edge is sent: the servers of Gateways, and virtual services bound to them."""
