"""What every service is told by its environment (`MOTCUA_…`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses, credentials and limits of one process."""

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", extra="ignore")

    database_url: SecretStr
    database_connections: int = Field(default=8, ge=2, description="most connections of this process")
    kafka_bootstrap: str = "127.0.0.1:19092"
    kafka_user: str
    kafka_password: SecretStr
    kafka_tls_ca: str | None = Field(default=None, description="PEM file; set it and the connection is SASL_SSL")
    http_host: str = "127.0.0.1"
    http_port: int
    oidc_issuer: str
    oidc_audience: str = "motcua"
    traces_exporter: Literal["zipkin", "otlp", "none"] = "none"
    traces_endpoint: str = ""
    traces_ratio: float = Field(default=1.0, ge=0, le=1, description="share of dossiers whose trace is recorded")
    log_level: str = "info"
    instance: str = Field(description="unique among live processes, stable over restarts: Kafka's static membership")
    parking_limit: int = Field(
        default=100, ge=1, description="heads parked by one consumer in a minute before it pauses"
    )
    outbox_limit: int = Field(
        default=100_000, ge=1, description="events waiting for Kafka at which commands are refused with 503"
    )
