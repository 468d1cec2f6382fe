"""Benchmarks for the user's machine: speed of scoring, NLI, rewards and generation; quality of verifiers."""
