"""Secrets for the proxy: the workload's own, and those in files."""
