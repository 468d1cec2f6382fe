"""Output for terminals and notebooks: progress, and text that is safe to print."""
