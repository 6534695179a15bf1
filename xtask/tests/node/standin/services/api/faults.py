"""What this release does wrong, by the file `fault` beside it: nothing, where there is none."""

import os
import sys
import time
from pathlib import Path

FILE = Path(__file__).with_name("fault")
FAULT = FILE.read_text().strip() if FILE.exists() else ""


def at_start(events):
    if FAULT == "crash":
        sys.exit("told to crash")
    if FAULT == "slow":
        time.sleep(3)
    if FAULT == "poison":
        # What no code before it understands: the way back is closed.
        events.append("from_the_future", schema=2)


def at_health_answer(count):
    # Asked every 50 ms, thirty answers outlast the usual window.
    if FAULT == "crash-later" and count > 30:
        os._exit(1)
