"""An identity provider for tests: real HTTP, real signatures, any claims."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

AUDIENCE = "motcua"


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, auto_kid=True)


@dataclass
class Issuer:
    """Signs access tokens with a key that it publishes at `url`."""

    url: str
    key: RSAKey = field(default_factory=new_key)

    def token(self, role: str | list[str], key: RSAKey | None = None, **claims: Any) -> str:
        """A token for `role`, good for ten minutes unless the claims say otherwise; a claim that is None is left out."""
        signing = key or self.key
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "test", "exp": int(time.time()) + 600, "role": role}
        told = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": signing.kid}, told, signing, algorithms=["RS256"])

    def bearer(self, role: str, **claims: Any) -> dict[str, str]:
        """The header of a request by this role."""
        return {"Authorization": f"Bearer {self.token(role, **claims)}"}

    def published(self, path: str) -> Any:
        """The document at `path`; None when there is none."""
        documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"},
            "/jwks": KeySet([self.key]).as_dict(private=False),
        }
        return documents.get(path)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer that serves on a free port of loopback until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = issuer.published(self.path)
            body = json.dumps(document).encode()
            self.send_response(200 if document else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
