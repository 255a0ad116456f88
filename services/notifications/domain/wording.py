"""What a wording is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """Patterns with {facts}, and {code} and {link} of the dossier."""

    sms: str
    subject: str
    paragraphs: tuple[str, ...]
