"""Measures the operators against other ways to compute the same: `python -m benchmarks.ops`."""
