"""Tasks described in YAML."""
