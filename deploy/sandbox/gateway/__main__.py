"""`python -m deploy.sandbox.gateway`: the payment gateway of the sandbox."""

from __future__ import annotations

from deploy.sandbox.gateway.main import application, office
from deploy.sandbox.gateway.settings import Settings
from deploy.sandbox.kit.environment import port
from deploy.sandbox.kit.serve import serve

if __name__ == "__main__":
    serve(application(office(Settings.from_environment())), port("SANDBOX_PORT"))
