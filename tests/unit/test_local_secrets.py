"""The stack's secrets are random, stable, separate and for the owner's eyes only."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from deploy.local.child import StackError
from deploy.local.secrets import Secrets


def test_the_same_folder_gives_the_same_secrets_and_another_folder_gives_others(tmp_path: Path) -> None:
    first = Secrets.open(tmp_path / "a")
    assert Secrets.open(tmp_path / "a") == first
    assert Secrets.open(tmp_path / "b").password("kafka:intake") != first.password("kafka:intake")


def test_every_name_has_a_secret_of_its_own(tmp_path: Path) -> None:
    secrets = Secrets.open(tmp_path)
    names = ["postgres:intake", "postgres:intake_owner", "kafka:intake", "kafka:payments"]
    assert len({secrets.password(name) for name in names}) == len(names)
    assert len(base64.urlsafe_b64decode(secrets.contacts_key)) == 32


def test_only_the_owner_may_read_the_file_and_no_repr_shows_it(tmp_path: Path) -> None:
    secrets = Secrets.open(tmp_path)
    files = list((tmp_path / "secrets").iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600]
    assert secrets.root.hex() not in repr(secrets)
    assert str(secrets.root) not in repr(secrets)


def test_a_truncated_file_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    Secrets.open(tmp_path)
    (tmp_path / "secrets" / "root").write_bytes(b"")
    with pytest.raises(StackError, match="make reset") as caught:
        Secrets.open(tmp_path)
    assert "\n" not in str(caught.value)
