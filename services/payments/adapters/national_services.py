"""What the national platform must be told of a procedure and an account, and nobody may invent: it stands in a table.

MaDVC is not MaTTHC with ".01" behind it, as some take it to be: it is what LayDVC answers for the procedure (design,
national-portal 5 and 11.6). What the table does not have is a gap, and a gap is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Service(BaseModel):
    """MaDVC and TenDVC of a procedure; without a name of its own a service has the procedure's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(min_length=1, max_length=50)
    name: str = Field(default="", max_length=255)


class Account(BaseModel):
    """MaNHThuHuong and TenTKThuHuong of a beneficiary's account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bank: str = Field(min_length=1, max_length=50)
    holder: str = Field(min_length=1, max_length=255)


class Directory(BaseModel):
    """`services` by procedure code, `accounts` by account number, `agencies` where the platform has another code for one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    services: Mapping[str, Service]
    accounts: Mapping[str, Account]
    agencies: Mapping[str, str] = {}


def directory(path: Path | None = None) -> Directory:
    """The table in a YAML file, or the one that comes with the release. Raises ValueError for one that is not right."""
    source = path or files("services.payments.adapters") / "national_services.yaml"
    return Directory.model_validate(yaml.load(source.read_text("utf-8"), yaml.CSafeLoader))
