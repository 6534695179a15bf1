"""What this release does wrong, by the file `fault` beside it: nothing, where there is none."""

import os
import sys
import threading
import time
from pathlib import Path

FILE = Path(__file__).with_name("fault")
FAULT = FILE.read_text().strip() if FILE.exists() else ""


def at_start(events):
    if FAULT == "crash":
        sys.exit("told to crash")
    if FAULT == "slow":
        time.sleep(3)
    if FAULT == "crash-later":
        threading.Timer(5, os._exit, [1]).start()
    if FAULT == "poison":
        # What no code before it understands: the way back is closed.
        events.append("from_the_future", schema=2)
