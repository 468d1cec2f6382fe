"""How profile `strict` reads a text (METRICS.md section 4): one grammar, and nothing hidden counts."""
