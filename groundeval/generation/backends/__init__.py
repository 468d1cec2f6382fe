"""The generators: transformers, vLLM, OpenAI-compatible servers, and replay."""
