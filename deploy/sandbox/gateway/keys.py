"""Idempotency keys: one key, one effect, one answer, for 24 hours.

What Stripe documents: another body or operation under a used key is a 400, two requests at once a 409; a request that
fails validation leaves the key unused; every answer of a request that was carried out, a decline too, is replayed.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

from deploy.sandbox.gateway.errors import ApiError, invalid
from deploy.sandbox.gateway.form import Tree
from deploy.sandbox.gateway.store import Store, dumped

KEYS_KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


def fingerprint(form: dict[str, Tree]) -> str:
    """Of what was asked for, however it was ordered or encoded."""
    return hashlib.sha256(dumped(_sorted(form)).encode()).hexdigest()


def _sorted(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {name: _sorted(tree[name]) for name in sorted(tree)}
    return [_sorted(item) for item in tree] if isinstance(tree, list) else tree


@dataclass
class Keys:
    store: Store
    in_use: set[str] = field(default_factory=set)

    @contextlib.contextmanager
    def using(self, key: str | None) -> Iterator[None]:
        """Hold the key while its request is carried out; raises ApiError 409 when another holds it."""
        if key is None:
            yield
            return
        if len(key) > LONGEST_KEY:
            raise invalid(f"Idempotency keys can be at most {LONGEST_KEY} characters.")
        if key in self.in_use:
            raise in_use(key)
        self.in_use.add(key)
        try:
            yield
        finally:
            self.in_use.discard(key)

    def answered(self, key: str | None, operation: str, asked: str, now: float) -> sqlite3.Row | None:
        """The answer kept for this very request; raises ApiError when the key was used for another."""
        kept = None if key is None else self.store.kept_answer(key, int(now) - KEYS_KEPT_SECONDS)
        if kept is None:
            return None
        if kept["operation"] != operation:
            raise _mismatch(
                f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
                f"('{operation}' vs '{kept['operation']}'). Try using a key other than '{key}' if you meant to execute a "
                "different request."
            )
        if kept["fingerprint"] != asked:
            raise _mismatch(
                f"Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
        return kept


def in_use(key: str) -> ApiError:
    error = ApiError(
        409, "idempotency_error",
        f"There is currently another in-progress request using this Idempotent Key: {key}. Please try again later.",
        code="idempotency_key_in_use",
    )  # fmt: skip
    error.headers["Stripe-Should-Retry"] = "true"
    return error


def _mismatch(message: str) -> ApiError:
    return ApiError(400, "idempotency_error", message)
