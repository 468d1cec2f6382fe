"""Whether the user has seen a sign of the command at work."""

from __future__ import annotations

import threading

said_something = threading.Event()
"""Set by the first message or progress of this process."""
