"""Topic certificates: what is not a certificate is refused, with every fault named."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy.kafka.certificates import FOLDER, Certificate, CertificateError, load, parse
from tests.certificates import EXAMPLE, certificate

GOOD = EXAMPLE


def refusal(**changes: Any) -> str:
    """What the loader says to the good certificate with `changes`."""
    with pytest.raises(CertificateError) as caught:
        parse(yaml.safe_dump({**GOOD, **changes}, allow_unicode=True), "examples.v1.yaml")
    return str(caught.value)


def test_the_certificates_of_the_project_are_good_and_name_the_topics_of_the_architecture() -> None:
    assert [found.topic for found in load()] == [
        "agency-answers.v1",
        "agency-reports.v1",
        "appointments.v1",
        "contacts.v1",
        "dossiers.v1",
        "notifications.v1",
        "payments.v1",
        "procedures.v1",
    ]


def test_personal_data_stand_on_contacts_alone_and_encrypted() -> None:
    assert {found.topic: found.personal_data for found in load() if found.personal_data != "none"} == {
        "contacts.v1": "encrypted"
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topic": "Examples.v1"}, "topic"),
        ({"topic": "examples"}, "topic"),
        ({"topic": "certificates.v1"}, "needs no certificate"),
        ({"topic": "others.v1"}, "the file must be named others.v1.yaml"),
        ({"owner": "admin"}, "admin is a user of the cluster itself"),
        ({"owner": "*"}, "owner"),
        ({"readers": ["a", "b", "a"]}, "readers: named twice: a"),
        ({"writers": ["writer"]}, "leave it out"),
        ({"key": "Dossier Code"}, "key"),
        ({"partitions": {"local": 0, "production": 1}}, "partitions.local"),
        ({"partitions": {"local": 6}}, "partitions.production"),
        ({"cleanup": "compact"}, "retention must be null"),
        ({"cleanup": "compact,delete"}, "cleanup"),
        ({"retention": 0}, "retention"),
        ({"personal_data": "plain"}, "personal_data"),
        ({"compatibility": "none"}, "compatibility"),
        ({"descripton": "typing error"}, "descripton"),
        ({"description": {"vi": "Ho\u0302\u0300 sơ", "en": "x"}}, "composed Unicode"),
        ({"description": {"vi": " ", "en": "x"}}, "description.vi"),
        ({"events": [{"type": "vn.motcua.dossier.submitted", "examples": []}]}, "events.0.type"),
        ({"events": [{"type": "vn.motcua.x.v1", "examples": []}] * 2}, "events: named twice"),
    ],
)
def test_a_bad_certificate_is_refused_with_the_file_the_field_and_the_fault(changes: dict[str, Any], said: str) -> None:
    text = refusal(**changes)
    assert said in text
    assert text.startswith("examples.v1.yaml: ")


def test_every_fault_is_named_at_once() -> None:
    text = refusal(owner="Nobody!", key="", retention=-1)
    assert {line.split(": ")[1] for line in text.splitlines()} == {"owner", "key", "retention"}


@pytest.mark.parametrize("text", ["", "- a list", "topic: a.v1\ntopic: b.v1\n", "a: [", "\x00"])
def test_a_file_that_is_no_single_mapping_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(CertificateError) as caught:
        parse(text, "examples.v1.yaml")
    assert str(caught.value).startswith("examples.v1.yaml: ")
    assert "\n" not in str(caught.value)


def test_faults_of_all_files_are_told_together(tmp_path: Path) -> None:
    for name in ("a.v1", "b.v1"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({**EXAMPLE, "topic": name, "owner": "?"}))
    (tmp_path / "good.v1.yaml").write_text(yaml.safe_dump({**EXAMPLE, "topic": "good.v1"}))
    with pytest.raises(CertificateError) as caught:
        load(tmp_path)
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["a.v1.yaml", "b.v1.yaml"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.v1.yaml").write_bytes("topic: hồ sơ".encode("utf-16"))
    with pytest.raises(CertificateError, match=r"a\.v1\.yaml: .*UTF-8"):
        load(tmp_path)


def test_a_folder_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="no certificates"):
        load(tmp_path)


@given(text=st.one_of(st.text(), st.sampled_from([p.read_text() for p in FOLDER.glob("*.yaml")]).flatmap(
    lambda good: st.integers(0, len(good)).map(lambda cut: good[:cut])
)))  # fmt: skip
def test_any_text_is_a_certificate_or_a_certificate_error(text: str) -> None:
    with contextlib.suppress(CertificateError):
        assert isinstance(parse(text, "examples.v1.yaml"), Certificate)


def test_only_the_named_writers_write_and_the_owner_where_none_is_named() -> None:
    assert certificate(owner="a").producers == ("a",)
    assert certificate(owner="a", writers=["b"]).producers == ("b",)
