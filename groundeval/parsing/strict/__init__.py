"""The parsing rules of profile `strict` (docs/metrics.md): one grammar, and hidden text counts for nothing."""
