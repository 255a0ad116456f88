"""Which certificate authorities a download trusts: those of this machine, unless the caller names others."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

# What `requests` reads, in its order; without one it trusts only the bundle of the package `certifi`.
CHOICES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Debian and Alpine, Fedora, macOS and OpenBSD: a Python that was not built here does not know them.
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def use_system_store() -> None:
    """Make `requests` trust this machine's authorities; a choice the caller made in the environment stands."""
    if any(os.environ.get(name) for name in CHOICES):
        return
    store = system_store()
    if store is not None:
        os.environ[CHOICES[0]] = str(store)


def system_store() -> Path | None:
    """The file of the certificate authorities that OpenSSL (`SSL_CERT_FILE`) or the system names, if there is one."""
    named = ssl.get_default_verify_paths().cafile
    return next((Path(name) for name in (named, *BUNDLES) if name and Path(name).is_file()), None)
