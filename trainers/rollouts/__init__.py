"""vLLM as the source of GRPO's completions: an engine that follows the trainer's weights and is closed afterwards."""
