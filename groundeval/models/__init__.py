"""Weights and tokenizers, wherever they are used: files, hashes, memory, chat templates, encoders."""
