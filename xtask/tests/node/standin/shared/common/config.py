"""What the service is told by its environment, and by `.env.{ENV}` where somebody has put one."""

import os
from dataclasses import dataclass
from pathlib import Path

from dotenv import load_dotenv


@dataclass(frozen=True)
class Config:
    ENV: str
    LOG_LEVEL: str
    API_HOST: str
    API_PORT: int
    EVENT_STORE_PATH: Path
    PROJECTIONS_DB_PATH: Path

    @classmethod
    def from_env(cls):
        environment = os.environ.get("ENV", "dev")
        load_dotenv(f".env.{environment}")
        get = os.environ.get
        return cls(
            ENV=environment,
            LOG_LEVEL=get("LOG_LEVEL", "INFO"),
            API_HOST=get("API_HOST", "0.0.0.0"),
            API_PORT=int(get("API_PORT", "8000")),
            EVENT_STORE_PATH=Path(get("EVENT_STORE_PATH", "./data/events")),
            PROJECTIONS_DB_PATH=Path(get("PROJECTIONS_DB_PATH", "./data/projections/helionyx.db")),
        )
