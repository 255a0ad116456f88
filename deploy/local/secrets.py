"""The embedded stack's passwords and keys: random, made once, kept in the data folder for its owner's eyes only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.child import StackError

ROOT_BYTES = 32

SANDBOX_BANKS = ("SANDBOX", "national")  # those that may ask what is due: a payers' bank, the national portal
SANDBOX_AGENCIES = ("G09.20", "H55.31")  # those that have a system at the sandbox's identity provider


@dataclass(frozen=True)
class Secrets:
    """All secrets of one data folder, derived from one random root that never leaves its file.

    Each name has its own secret (HMAC-SHA-256 of the name under the root), so two names never share one and
    none tells another. Names in use: `postgres:ROLE`, `kafka:USER`, `agency:CODE`.
    """

    root: bytes = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Secrets:
        """The secrets of the data folder `folder`, made (mode 0600, atomically) when there are none.

        Raises StackError when the file is not what was written.
        """
        path = folder / "secrets" / "root"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path, secrets.token_bytes(ROOT_BYTES))
        root = path.read_bytes()
        if len(root) != ROOT_BYTES:
            raise StackError(
                f"Tệp bí mật {path} bị hỏng: chạy `make reset` rồi `make up` · "
                f"the secrets file {path} is damaged: run `make reset`, then `make up`"
            )
        return cls(root)

    def password(self, name: str) -> str:
        """The password of `name`: 43 letters, digits, `-` and `_`; the same one every time."""
        return _text(self.key(name))

    def inquiry_key(self, bank: str) -> str:
        """What one of `SANDBOX_BANKS` asks us with."""
        return self.password(f"inquiry:{bank}")

    def key(self, name: str) -> bytes:
        """32 bytes for `name`."""
        return hmac.digest(self.root, name.encode(), hashlib.sha256)

    @property
    def contacts_key(self) -> str:
        """Encrypts `contacts.v1`: base64url of 32 bytes, padded."""
        return base64.urlsafe_b64encode(self.key("contacts")).decode()

    @property
    def gateway_secret_key(self) -> str:
        return "sk_test_" + self.key("gateway:secret-key").hex()

    @property
    def gateway_webhook_secret(self) -> str:
        return "whsec_" + self.key("gateway:webhook").hex()

    @property
    def vnpay_secret(self) -> str:
        return self.password("vnpay:secret")

    @property
    def bank_key(self) -> str:
        """Ours at the bank where the account is."""
        return self.password("bank:key")

    @property
    def bank_webhook_secret(self) -> str:
        return "whsec_" + self.key("bank:webhook").hex()

    @property
    def national_secret(self) -> str:
        return self.password("national:secret")

    @property
    def payer_key(self) -> str:
        """Seals what a payer types: base64url of 32 bytes, padded."""
        return base64.urlsafe_b64encode(self.key("payer")).decode()

    @property
    def link_key(self) -> str:
        """Signs links that let others pay and look: base64url of 32 bytes, padded."""
        return base64.urlsafe_b64encode(self.key("link")).decode()

    @property
    def bank_keys(self) -> str:
        """By name, the keys of those that may ask what is due: JSON."""
        return json.dumps({bank: self.inquiry_key(bank) for bank in SANDBOX_BANKS})

    @property
    def sms_token(self) -> str:
        return self.password("sms:token")

    @property
    def sms_receipt_secret(self) -> str:
        return self.password("sms:receipt")

    @property
    def register_key(self) -> str:
        return self.password("register:key")

    @property
    def agency_keys(self) -> str:
        """By agency code, the secrets that it signs its reports with: JSON."""
        return json.dumps({agency: [self.password(f"agency:{agency}")] for agency in SANDBOX_AGENCIES})


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def _create(path: Path, content: bytes) -> None:
    """Write the file whole or not at all; of two that race, the first one's content stays."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
