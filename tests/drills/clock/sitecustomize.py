"""Gives a Python process a clock of its own, 20 days ahead, when it gets SIGRTMIN."""

import os
import signal
from contextlib import suppress

with suppress(ValueError):  # not in the main thread
    signal.signal(signal.SIGRTMIN, lambda *_: os.environ.update(FAKETIME="+20d"))
