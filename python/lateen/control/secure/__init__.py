"""The control plane's port with TLS: who is at the other end, and what they may do."""
