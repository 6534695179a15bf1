"""A service like Helionyx, of nothing but the standard library: an append-only event log, and health."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
FAULT = (HERE / "fault").read_text().strip() if (HERE / "fault").exists() else ""
EVENTS = Path(os.environ["EVENT_STORE_PATH"]) / "events.jsonl"


def append(event):
    with EVENTS.open("a") as log:
        log.write(json.dumps(event) + "\n")
        log.flush()
        os.fsync(log.fileno())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    answers = 0

    def do_GET(self):
        Handler.answers += 1
        if FAULT == "late" and Handler.answers > 12:
            os._exit(1)
        status, body = 200, {"status": "healthy", "service": "helionyx"}
        if self.path == "/health/ready":
            body = {"status": "ready"}
        elif self.path == "/":
            names = ["LOG_LEVEL", "API_HOST", "API_PORT", "EVENT_STORE_PATH", "PROJECTIONS_DB_PATH"]
            names += ["BACKUP_ROOT", "OPENAI_MODEL", "LLM_DAILY_COST_LIMIT_USD", "TELEGRAM_BOT_NAME"]
            token = os.environ.get("TELEGRAM_BOT_TOKEN", "")
            body = {"environment": os.environ["ENV"], "has_token": bool(token), "prefix": sys.prefix}
            body |= {name: os.environ.get(name) for name in names}
            body["events"] = sum(1 for _ in EVENTS.open()) if EVENTS.exists() else 0
        if FAULT == "sick":
            status, body = 500, {"status": "sick"}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, form, *args):
        pass


if __name__ == "__main__":
    if FAULT == "crash":
        sys.exit("told to crash")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    append({"event_type": "started", "environment": os.environ["ENV"]})
    print("listening on", os.environ["API_PORT"], flush=True)
    address = (os.environ["API_HOST"], int(os.environ["API_PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()
