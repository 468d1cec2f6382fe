"""Benchmarks that users can run: how fast scoring is, on their machine."""
