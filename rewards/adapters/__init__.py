"""Rewards in the calling conventions of trainers. The shared code is in `rewards/rollouts.py` and `columns.py`."""
