"""One retrying client, one server frame, and metrics text."""
