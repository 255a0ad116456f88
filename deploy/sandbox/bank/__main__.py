"""`python -m deploy.sandbox.bank`: the bank of the sandbox."""

from __future__ import annotations

from deploy.sandbox.bank.main import application, opened
from deploy.sandbox.bank.settings import Settings
from deploy.sandbox.kit.environment import port
from deploy.sandbox.kit.serve import serve

if __name__ == "__main__":
    serve(application(opened(Settings.from_environment())), port("SANDBOX_PORT"))
