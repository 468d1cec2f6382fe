"""What differs between runs: saved scores, the paired comparison, and its tables."""
