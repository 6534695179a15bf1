"""The API: health, what this process is, and messages in and out."""

import asyncio
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distributions
from itertools import count

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.api.faults import FAULT, at_health_answer


class Message(BaseModel):
    text: str


@cache
def installed():
    """All packages beside this one, with their versions: looked for once."""
    return {found.metadata["Name"].lower(): found.version for found in distributions()}


def create_app(config, events, projections):
    app = FastAPI(title="Helionyx")
    asked = count(1)

    @app.get("/health")
    async def health():
        at_health_answer(next(asked))
        if FAULT == "mute":
            await asyncio.sleep(3600)
        if FAULT in ("sick", "poison"):
            return JSONResponse({"status": "sick", "service": "helionyx"}, 500)
        return {"status": "healthy", "service": "helionyx"}

    @app.get("/health/ready")
    def ready():
        checks = {
            "event_store": config.EVENT_STORE_PATH.is_dir(),
            "projections": config.PROJECTIONS_DB_PATH.parent.is_dir(),
        }
        is_ready = all(checks.values())
        body = {"status": "ready" if is_ready else "not_ready", "checks": checks}
        return JSONResponse(body, 200 if is_ready else 503)

    @app.get("/")
    def root():
        return {
            "service": "helionyx",
            "environment": config.ENV,
            "code": __file__,
            "prefix": sys.prefix,
            "installed": installed(),
            "texts": projections.texts(),
        }

    @app.post("/ingest/message", status_code=201)
    def ingest(message: Message):
        events.append("message_ingested", message.text)
        with projections.open() as database:
            at = datetime.now(UTC).isoformat()
            projections.project(database, "message_ingested", at, message.text)
        return {"accepted": message.text}

    return app
