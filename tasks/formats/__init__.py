"""Readers of public data formats: records, field mappings, files, the hub."""
