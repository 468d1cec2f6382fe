"""Reports of a training run: curves, completions, the report and the model card."""
