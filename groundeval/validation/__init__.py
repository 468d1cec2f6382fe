"""Checks of tasks and rewards before anyone relies on them."""
