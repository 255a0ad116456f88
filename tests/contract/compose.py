"""The files of the containers, read for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deploy.containers import environment
from deploy.local.secrets import Secrets

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS = environment.files(Secrets(b"of the tests"))


def secret_files(name: str) -> list[str]:
    """The names of the secret files that a container is given."""
    return [Path(path).stem for path in SERVICES[name].get("env_file", [])]


def told(name: str) -> dict[str, str]:
    """Everything that a container's environment says."""
    variables: dict[str, str] = dict(SERVICES[name].get("environment", {}))
    for file in secret_files(name):
        variables |= SECRETS[file]
    return variables
