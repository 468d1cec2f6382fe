"""Text from models: prompts, sampling, and the generators behind one interface."""
