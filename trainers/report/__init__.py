"""What a training run reports: curves, completions, the report and the model card."""
