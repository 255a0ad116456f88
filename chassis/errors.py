"""Errors, named by what whoever meets them should do.

Refusal          the domain says no, with a reason for people: HTTP 4xx for a command, parking for an event
NotFound         a Refusal: there is nothing, or nothing for this caller
Retry            passing trouble: back off and do the same again; nothing was changed
  Conflict       somebody else changed the same aggregate first
  Unanswered     an outside system gave no definite answer: unknown, not failed
Park             a record that nobody can handle now: keep it, hold its key, go on with the others
"""

from __future__ import annotations

import asyncpg


class Refusal(Exception):
    """The domain refuses a message.

    `code` is stable and for programs; `vi` and `en` are whole sentences for people; `status` is the HTTP status.
    `errors` lists each wrong field as {"path", "code", "vi", "en"} where there are several.
    """

    def __init__(self, code: str, vi: str, en: str, status: int = 409, errors: tuple[dict[str, str], ...] = ()) -> None:
        super().__init__(f"{code}: {en}")
        self.code, self.vi, self.en, self.status, self.errors = code, vi, en, status, errors


class NotFound(Refusal):
    """Nothing there, or nothing that this caller may know of."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__("not_found", vi, en, 404)


class NotSigned(Refusal):
    """A program's request that its signature does not prove; `scheme` is how it must be signed, for WWW-Authenticate."""

    def __init__(self, code: str, vi: str, en: str, scheme: str) -> None:
        super().__init__(code, vi, en, 401)
        self.scheme = scheme


class Retry(Exception):
    """Passing trouble; the same again later. The text is the reason that is shown."""


class Conflict(Retry):
    """An aggregate was changed between its reading and its writing."""


class Unanswered(Retry):
    """No definite answer from an outside system. The call is made again with the same key."""


class Park(Exception):
    """This record cannot be handled; the text says why."""


_LONGEST_REASON = 500


def takes_too_long(error: BaseException) -> bool:
    """Whether a time-out ended the transaction: half of the work may well do."""
    return isinstance(error, asyncpg.PostgresError) and getattr(error, "sqlstate", None) in _TOO_LONG


def was_rolled_back(error: BaseException) -> bool:
    """Whether nothing was committed for certain; after a lost connection, nobody knows."""
    if isinstance(error, Conflict | asyncpg.InvalidCachedStatementError):
        return True
    return isinstance(error, asyncpg.PostgresError) and getattr(error, "sqlstate", None) in _ROLLED_BACK


def reason_of(error: BaseException) -> str:
    """Why a record cannot be handled, without what a person may have typed; short, whatever the record holds."""
    if isinstance(error, Refusal):
        return f"refused: {error.code}"
    if isinstance(error, Park):
        return str(error)[:_LONGEST_REASON]
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
        return f"{type(error).__name__} {getattr(error, 'sqlstate', None) or ''}".strip()
    return f"{type(error).__name__} in a decider"


# Lost connection, a server that takes no connections or no writes (fail-over), serialization, deadlock, lock time-out,
# shutdown, transaction time-outs: happen when all is well.
_PASSING_CLASSES = ("08", "53", "57P")
_PASSING_STATES = {"25006", "55000", "40001", "40P01", "55P03", "57014", "25P03", "25P04"}
_TOO_LONG = {"57014", "25P03", "25P04"}
_ROLLED_BACK = {"40001", "40P01", "55P03"}


def is_passing(error: BaseException) -> bool:
    """Whether the same may well succeed when done again: never a reason to park anything."""
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        # A migration changed a table meanwhile; asyncpg has forgotten the statement, and prepares it anew.
        return True
    if isinstance(error, asyncpg.PostgresError):
        state = getattr(error, "sqlstate", None) or ""
        blocked_key = state == "23503" and getattr(error, "table_name", None) == "parked"
        return state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES or blocked_key
    if isinstance(error, asyncpg.InternalClientError):
        # What asyncpg says of a connection that the server has ended and whose end it has not read yet.
        return True
    if isinstance(error, asyncpg.InterfaceError):
        # A ValueError among them is a value that does not fit its column: as bad the second time.
        return not isinstance(error, ValueError)
    return isinstance(error, Retry | OSError | TimeoutError)
