"""What agents and the authority of a mesh share: identities, keys, how certificates are asked for."""
