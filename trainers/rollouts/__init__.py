"""vLLM as the source of GRPO's completions: an engine that gets the trainer's weights, and is given back."""
