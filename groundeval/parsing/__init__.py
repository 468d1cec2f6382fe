"""Pure functions from text to plain values. None of them raises on any text."""
