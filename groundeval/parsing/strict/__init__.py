"""How profile `strict` reads a text (docs/metrics.md): one grammar, and nothing hidden counts."""
