"""Training data: selected examples, rows for TRL, distillation, overlap with evaluation data."""
