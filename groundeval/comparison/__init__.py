"""Comparison of runs: saved scores, paired tests, and tables."""
