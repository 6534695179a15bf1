"""The append-only event log, and the projections that every start makes anew from it."""

import json
import os
import sqlite3
from datetime import UTC, datetime

# What this code understands; an event of a later one stops it.
SCHEMA = 1


class EventStore:
    def __init__(self, config):
        self.log = config.EVENT_STORE_PATH / "events.jsonl"

    def append(self, event_type, text="", schema=SCHEMA):
        at = datetime.now(UTC).isoformat()
        event = {"event_type": event_type, "schema": schema, "at": at, "text": text}
        with self.log.open("a") as log:
            log.write(json.dumps(event) + "\n")
            log.flush()
            os.fsync(log.fileno())

    def read(self):
        if not self.log.exists():
            return
        with self.log.open() as log:
            for line in log:
                event = json.loads(line)
                if event["schema"] > SCHEMA:
                    raise ValueError(f"an event of schema {event['schema']}: this is {SCHEMA}")
                yield event


class Projections:
    def __init__(self, config):
        self.path = config.PROJECTIONS_DB_PATH

    def open(self):
        return sqlite3.connect(self.path)

    def rebuild(self, events):
        with self.open() as database:
            database.execute("CREATE TABLE IF NOT EXISTS messages (at TEXT, text TEXT)")
            database.execute("DELETE FROM messages")
            for event in events:
                self.project(database, event["event_type"], event["at"], event["text"])

    def project(self, database, event_type, at, text):
        if event_type == "message_ingested":
            database.execute("INSERT INTO messages VALUES (?, ?)", (at, text))

    def texts(self):
        with self.open() as database:
            return [text for (text,) in database.execute("SELECT text FROM messages")]
