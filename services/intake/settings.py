"""What intake is told beyond what every service is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from chassis.settings import Settings


class IntakeSettings(Settings):
    """`contacts_key` seals contacts.v1: 32 bytes in base64url.

    Without `scanner_url` documents are marked as not scanned; without `register_url` nobody is looked up.
    """

    contacts_key: SecretStr
    agency_keys: dict[str, list[Annotated[SecretStr, Field(min_length=32)]]] = Field(
        default_factory=dict, description="by agency code, the secrets that it signs reports with; JSON"
    )
    public_url: str = Field(description="the portal, where the QR codes of papers lead")
    documents_url: str = Field(description="where documents are kept: file:///folder or s3://bucket/prefix")
    document_bytes: int = Field(default=20 * 2**20, ge=1, description="most bytes of one document")
    dossier_bytes: int = Field(default=100 * 2**20, ge=1, description="most bytes of all documents of a dossier")
    unattached_documents: int = Field(
        default=50, ge=1, description="most documents that one person uploads in 24 hours and no dossier has"
    )
    scanner_url: str | None = Field(default=None, description="clamd://host:port or clamd:///path/of/its/socket")
    register_url: str | None = Field(default=None, description="the civil register's address")
    register_key: SecretStr | None = Field(default=None, description="our key at the civil register")
