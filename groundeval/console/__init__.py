"""What a person sees in a terminal: progress, and text that is safe to print."""
