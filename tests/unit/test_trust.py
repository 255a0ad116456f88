"""Downloads trust the machine's own certificate authorities, unless others were named; distrust is said as such."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import ssl
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.local import jars, trust
from deploy.local.child import StackError


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*trust.CHOICES, "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "")


def test_the_bundle_that_openssl_names_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "authorities.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    trust.use_system_store()
    assert os.environ["REQUESTS_CA_BUNDLE"] == str(bundle)


def test_where_openssl_names_none_a_usual_bundle_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python built elsewhere names a file that this machine does not have, or none."""
    bundle = tmp_path / "usual.pem"
    bundle.touch()
    monkeypatch.setattr(trust, "BUNDLES", (str(tmp_path / "missing.pem"), str(bundle)))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: SimpleNamespace(cafile=None))
    assert trust.system_store() == bundle
    bundle.unlink()
    assert trust.system_store() is None


@pytest.mark.parametrize("name", trust.CHOICES)
def test_a_named_bundle_stands(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/of/the/caller.pem")
    trust.use_system_store()
    assert [os.environ[choice] for choice in trust.CHOICES if os.environ[choice]] == ["/of/the/caller.pem"]


def test_a_bundle_that_does_not_exist_is_said_to_be_a_matter_of_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    jar = dataclasses.replace(jars.locked()[0], sha256="0" * 64)

    async def fetch() -> None:
        await jars.fetch([jar], tmp_path / "jars", lambda text, done=None, total=None: None)

    with pytest.raises(StackError, match=r"chứng thư TLS không được tin.*set REQUESTS_CA_BUNDLE") as caught:
        asyncio.run(fetch())
    assert jar.file_name in str(caught.value)
    assert "\n" not in str(caught.value)
