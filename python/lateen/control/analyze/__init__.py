"""What is likely wrong with resources together, as `istioctl analyze` finds it."""
