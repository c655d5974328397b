"""Measures Lateen beside nginx, haproxy, Envoy and a bare byte relay, in one run.

`python -m bench` prints the table, `python -m bench profile` the hot symbols of one scenario.
What is measured and how the peers are configured: bench/README.md.
"""
