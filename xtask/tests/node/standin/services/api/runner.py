"""Runs the API on API_HOST and API_PORT."""

import uvicorn

from services.api import faults
from services.api.app import create_app
from shared.common.config import Config
from shared.common.events import EventStore, Projections


def main():
    config = Config.from_env()
    events = EventStore(config)
    projections = Projections(config)
    projections.rebuild(events.read())
    faults.at_start(events)
    events.append("service_started")
    uvicorn.run(
        create_app(config, events, projections),
        host=config.API_HOST,
        port=config.API_PORT,
        log_level=config.LOG_LEVEL.lower(),
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
