"""`python -m deploy.sandbox.national`: the national portal's payment platform of the sandbox."""

from __future__ import annotations

from deploy.sandbox.kit.environment import port
from deploy.sandbox.kit.serve import serve
from deploy.sandbox.national.main import application, office
from deploy.sandbox.national.settings import Settings

if __name__ == "__main__":
    serve(application(office(Settings.from_environment())), port("SANDBOX_PORT"))
