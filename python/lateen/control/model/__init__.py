"""What a mesh is made of, whichever registry it comes from: services, their endpoints, proxies."""
