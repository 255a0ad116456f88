"""Reading the parameters of OAuth requests: each at most once (RFC 6749 3.1), and refusals as programs read them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

SCOPES = ("openid", "profile", "offline_access")


class OAuthError(Exception):
    """A refusal with its registered code (RFC 6749 4.1.2.1, 5.2; OpenID Connect Core 3.1.2.6)."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code, self.description, self.status = code, description, status

    def fields(self) -> dict[str, str]:
        return {"error": self.code, "error_description": self.description}


def read_form(text: bytes | str) -> dict[str, str]:
    """The parameters of a query or form body; empty ones are as good as absent. Raises OAuthError."""
    try:
        encoded = text.decode("ascii") if isinstance(text, bytes) else text
        pairs = parse_qsl(encoded, max_num_fields=50, errors="strict")
    except ValueError as error:
        raise OAuthError("invalid_request", "the parameters cannot be read") from error
    if len(dict(pairs)) != len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    return dict(pairs)


def granted_scope(asked: str) -> str:
    """What of the asked scope exists; `profile` when nothing is asked for."""
    words = asked.split()
    return " ".join(scope for scope in SCOPES if scope in words) or "profile"


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """The URI with more query parameters."""
    parts = urlsplit(uri)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))
