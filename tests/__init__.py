"""Tests of Lateen: unit, end to end, and against the real Envoy."""
