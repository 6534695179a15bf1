"""Wants a port, keeps it once it has it, and answers nothing."""

import socket
import sys
import time
from pathlib import Path

while True:
    try:
        listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
        break
    except OSError:
        time.sleep(0.001)
Path(sys.argv[2]).touch()
while True:
    listener.accept()[0].close()
