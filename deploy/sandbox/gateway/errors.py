"""Refusals in Stripe's documented error object.

ApiError is raised before anything happened: the transaction is rolled back and an idempotency key stays unused.
A declined card is no ApiError: it did happen, so it is a reply (`payment_intents.answer`).
"""

from __future__ import annotations

from typing import Any

DOCUMENTED = "https://docs.stripe.com/error-codes#"


class ApiError(Exception):
    """One refusal: HTTP status, Stripe's error type, and what else the error object says."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.headers: dict[str, str] = {}

    def describe(self) -> dict[str, Any]:
        return describe(self.kind, self.message, code=self.code, param=self.param)


def describe(kind: str, message: str, **more: Any) -> dict[str, Any]:
    """An error object; members without a value are left out, as Stripe does."""
    error = {"type": kind, "message": message, **{name: value for name, value in more.items() if value is not None}}
    if code := error.get("code"):
        error["doc_url"] = DOCUMENTED + str(code).replace("_", "-")
    return error


def invalid(message: str, param: str | None = None, code: str | None = None, status: int = 400) -> ApiError:
    """The request cannot be carried out as it stands."""
    return ApiError(status, "invalid_request_error", message, code=code, param=param)


def missing(kind: str, identifier: str, param: str) -> ApiError:
    """404: nothing has this id."""
    return invalid(f"No such {kind}: '{identifier}'", param, "resource_missing", 404)


def unauthorized(message: str) -> ApiError:
    """401, with the challenge that Stripe sends."""
    error = invalid(message, status=401)
    error.headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
    return error
