"""What resources over xDS cost: `python -m bench.xds`, or `make bench-xds`."""
