"""The provider's signing keys: one signs, the ones before it stay published so that their tokens hold."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import KeySet, RSAKey

ALGORITHM = "RS256"
"""The one algorithm that every OpenID Connect library must know (OpenID Connect Core 15.1)."""

PUBLISHED = 3


@dataclass
class Keys:
    """`ring[0]` signs; all are published. Kept in a file that only its owner reads."""

    path: Path
    ring: Sequence[RSAKey]

    @classmethod
    def open(cls, path: Path) -> Keys:
        """The keys of the file, or a first one of their own."""
        if path.exists():
            entries = json.loads(path.read_text("utf-8"))["keys"]
            return cls(path, [RSAKey.import_key(entry) for entry in entries])
        keys = cls(path, [generate()])
        keys.save()
        return keys

    @property
    def signing(self) -> RSAKey:
        return self.ring[0]

    def public(self) -> dict[str, Any]:
        """The JSON Web Key Set that anyone may read."""
        return dict(KeySet(list(self.ring)).as_dict(private=False))

    async def rotate(self) -> str:
        """Sign with a fresh key from now on; answers its id."""
        self.ring = [await asyncio.to_thread(generate), *self.ring][:PUBLISHED]
        self.save()
        return self.signing.kid or ""

    def save(self) -> None:
        """Whole or not at all: written beside, then moved into place."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.unlink(missing_ok=True)
        content = json.dumps(KeySet(list(self.ring)).as_dict(private=True))
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
        beside.replace(self.path)


def generate() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
