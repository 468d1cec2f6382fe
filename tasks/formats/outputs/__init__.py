"""Outputs as other tools write them: each shape is recognised and read as question, output, documents and gold data."""
