"""The authorization request, checked before anyone is asked (RFC 6749 4.1, RFC 7636, OpenID Connect Core 3.1.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.sandbox.oidc.parameters import OAuthError, granted_scope
from deploy.sandbox.oidc.registry import Client, Registry

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class UntrustedRedirectError(Exception):
    """Who asks, or where to send the answer, cannot be trusted: the person is told, nothing is redirected."""


@dataclass(frozen=True)
class Destination:
    """Where the answer goes: known client, registered URI, the application's own state."""

    client: Client
    redirect_uri: str
    state: str | None


@dataclass(frozen=True)
class AuthorizationRequest:
    scope: str
    challenge: str
    nonce: str | None
    prompts: frozenset[str]


def read_destination(parameters: Mapping[str, str], registry: Registry) -> Destination:
    """Raises UntrustedRedirectError."""
    client = registry.clients.get(parameters.get("client_id", ""))
    if client is None:
        raise UntrustedRedirectError("client_id: không có ứng dụng này / there is no such client")
    redirect_uri = parameters.get("redirect_uri", "")
    if not client.may_redirect_to(redirect_uri):
        raise UntrustedRedirectError("redirect_uri: chưa được đăng ký / it is not registered for the client")
    return Destination(client, redirect_uri, parameters.get("state"))


def read_request(parameters: Mapping[str, str], client: Client) -> AuthorizationRequest:
    """Raises OAuthError, which may be told to the application."""
    if "authorization_code" not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use authorization_code")
    if "request" in parameters:
        raise OAuthError("request_not_supported", "the request parameter is not supported")
    if "request_uri" in parameters:
        raise OAuthError("request_uri_not_supported", "the request_uri parameter is not supported")
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "response_type must be code")
    if parameters.get("response_mode", "query") != "query":
        raise OAuthError("invalid_request", "response_mode must be query")
    challenge = parameters.get("code_challenge", "")
    if parameters.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256")
    prompts = frozenset(parameters.get("prompt", "").split())
    if "none" in prompts and len(prompts) > 1:
        raise OAuthError("invalid_request", "prompt=none goes with nothing else")
    return AuthorizationRequest(granted_scope(parameters.get("scope", "")), challenge, parameters.get("nonce"), prompts)
