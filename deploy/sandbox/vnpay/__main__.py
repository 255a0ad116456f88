"""`python -m deploy.sandbox.vnpay`: VNPAY as a sandbox."""

from __future__ import annotations

from deploy.sandbox.kit.environment import port
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.vnpay.app import application
from deploy.sandbox.vnpay.office import Office
from deploy.sandbox.vnpay.settings import Settings

if __name__ == "__main__":
    serve(application(Office.open(Settings.from_environment())), port("SANDBOX_PORT"))
