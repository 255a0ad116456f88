"""`python -m deploy.sandbox.oidc`: the identity provider of the sandbox."""

from __future__ import annotations

from pathlib import Path

from deploy.sandbox.kit.environment import port, required
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.oidc.app import Settings, application

if __name__ == "__main__":
    settings = Settings(data=Path(required("SANDBOX_DATA")), issuer=required("OIDC_ISSUER"))
    serve(application(settings), port("SANDBOX_PORT"))
