"""What people and Prometheus see of the control plane, over HTTP."""
