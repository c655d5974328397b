"""How fast the control plane brings changes to many proxies, and what that costs."""
