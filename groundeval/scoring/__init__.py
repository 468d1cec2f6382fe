"""From responses to per-sample values, and from values to results."""
