"""An example of a groundeval plugin."""
