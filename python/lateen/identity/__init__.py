"""What agents and the authority of a mesh share: identities, keys, requests for certificates."""
