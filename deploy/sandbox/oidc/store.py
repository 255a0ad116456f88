"""The provider's memory: who is signed in, codes not yet redeemed, refresh tokens. Secrets are kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from dataclasses import astuple, dataclass
from pathlib import Path

from deploy.sandbox.kit.storage import open_storage

SCHEMA = """
create table if not exists session (
  hash text primary key, username text not null, signed_in_at integer not null) without rowid;
create table if not exists code (
  hash text primary key, username text not null, client_id text not null, scope text not null,
  signed_in_at integer not null, session text not null,
  redirect_uri text not null, challenge text not null, nonce text,
  expires_at real not null, used_at real) without rowid;
create table if not exists refresh (
  hash text primary key, username text not null, client_id text not null, scope text not null,
  signed_in_at integer not null, session text not null, family text not null,
  expires_at real not null, used_at real) without rowid;
create index if not exists refresh_by_family on refresh (family);
create index if not exists refresh_by_session on refresh (session) where session <> '';
"""
CODE_SECONDS = 60
REFRESH_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class SignIn:
    """A persona signed in for a client. `session` is the hash of the browser's cookie, empty without a browser."""

    username: str
    client_id: str
    scope: str
    signed_in_at: int
    session: str = ""


@dataclass(frozen=True)
class Code:
    """An authorization code as it was granted. `family` names the refresh tokens that come of it."""

    sign_in: SignIn
    redirect_uri: str
    challenge: str
    nonce: str | None
    family: str


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Store:
    connection: sqlite3.Connection

    @classmethod
    def open(cls, data: Path) -> Store:
        store = cls(open_storage(data / "oidc.sqlite", SCHEMA))
        store.connection.execute("delete from code where expires_at < ?", (time.time() - 3600,))
        store.connection.execute("delete from refresh where expires_at < ?", (time.time(),))
        return store

    def open_session(self, username: str) -> tuple[str, int]:
        """(cookie, when signed in)."""
        cookie, now = secrets.token_urlsafe(32), int(time.time())
        self.connection.execute("insert into session values (?, ?, ?)", (hashed(cookie), username, now))
        return cookie, now

    def session(self, cookie: str) -> tuple[str, int] | None:
        """(username, when signed in) of the browser with this cookie."""
        row = self.connection.execute(
            "select username, signed_in_at from session where hash = ?", (hashed(cookie),)
        ).fetchone()
        return None if row is None else (row["username"], row["signed_in_at"])

    def close_session(self, cookie: str) -> None:
        """Sign out: the session and every refresh token that came of it end."""
        with self.connection:
            self.connection.execute("begin")
            self.connection.execute("delete from session where hash = ?", (hashed(cookie),))
            self.connection.execute("delete from refresh where session = ?", (hashed(cookie),))

    def add_code(self, sign_in: SignIn, redirect_uri: str, challenge: str, nonce: str | None) -> str:
        code = secrets.token_urlsafe(32)
        self.connection.execute(
            "insert into code values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
            (hashed(code), *astuple(sign_in), redirect_uri, challenge, nonce, time.time() + CODE_SECONDS),
        )
        return code

    def redeem_code(self, code: str) -> Code | None:
        """The code, once. A second use ends every token that came of the first (RFC 6749 4.1.2)."""
        row = self._use("update code set used_at = ? where hash = ? and used_at is null returning *", code)
        if row is None:
            self.connection.execute("delete from refresh where family = ?", (hashed(code),))
            return None
        return Code(_sign_in(row), row["redirect_uri"], row["challenge"], row["nonce"], hashed(code))

    def add_refresh(self, sign_in: SignIn, family: str | None = None) -> str:
        token = secrets.token_urlsafe(32)
        self.connection.execute(
            "insert into refresh values (?, ?, ?, ?, ?, ?, ?, ?, null)",
            (hashed(token), *astuple(sign_in), family or hashed(token), time.time() + REFRESH_SECONDS),
        )
        return token

    def redeem_refresh(self, token: str) -> tuple[SignIn, str] | None:
        """(sign-in, family), once. A token used twice was stolen: its whole family ends (RFC 9700 4.14)."""
        row = self._use("update refresh set used_at = ? where hash = ? and used_at is null returning *", token)
        if row is None:
            self.connection.execute(
                "delete from refresh where family = (select family from refresh where hash = ?)", (hashed(token),)
            )
            return None
        return _sign_in(row), row["family"]

    def _use(self, statement: str, secret: str) -> sqlite3.Row | None:
        """The row of a secret that is used now; None when it is unknown, used before or expired."""
        rows = self.connection.execute(statement, (time.time(), hashed(secret))).fetchall()
        return rows[0] if rows and rows[0]["expires_at"] > time.time() else None


def _sign_in(row: sqlite3.Row) -> SignIn:
    return SignIn(row["username"], row["client_id"], row["scope"], row["signed_in_at"], row["session"])
