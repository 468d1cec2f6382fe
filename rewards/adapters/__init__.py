"""Rewards in the calling conventions of trainers. Thin: what they share is in `rewards/rollouts.py`."""
