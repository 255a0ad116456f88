"""Data files that are wrong stop the service, and every mistake is told by its file and place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.intake.domain import catalogue, files
from tests.forms import CATALOGUE

DATA = Path(catalogue.__file__).parents[1] / "catalogue"
LICENCE = "procedures/1.002809/2.yaml"
Change = Callable[[Any], Any]


def _altered(tmp_path: Path, file: str, change: Change) -> Path:
    folder = tmp_path / "catalogue"
    shutil.copytree(DATA, folder)
    data = yaml.load((folder / file).read_text("utf-8"), yaml.CSafeLoader)
    changed = json.loads(json.dumps(change(data), default=str))
    (folder / file).write_text(yaml.dump(changed, Dumper=yaml.CSafeDumper), "utf-8")
    return folder


def test_an_unchanged_copy_of_the_data_loads(tmp_path: Path) -> None:
    assert catalogue.load(_altered(tmp_path, LICENCE, lambda data: data)) == CATALOGUE


def _fee(**changes: Any) -> Change:
    return lambda data: data | {"fees": [data["fees"][0] | changes]}


@pytest.mark.parametrize(
    ("file", "change", "path"),
    [
        (LICENCE, lambda data: data | {"agencies": ["G09.21"]}, "agencies"),
        (LICENCE, lambda data: data | {"agencies": ["000.00.20.G09"]}, "agencies"),
        (LICENCE, lambda data: data | {"processing_day": 5}, "processing_day"),
        (LICENCE, lambda data: data | {"details": {"type": "objekt"}}, "details.type"),
        (LICENCE, lambda data: data | {"version": 3}, "code"),
        (LICENCE, lambda data: data | {"effective_from": "2026-02-30"}, "effective_from"),
        (LICENCE, lambda data: data | {"effective_to": "2025-12-31"}, ""),
        (LICENCE, lambda data: data | {"documents": data["documents"] * 2}, ""),
        (LICENCE, _fee(rule={"by": "fixed", "amount": -1}), "fees.0.rule.fixed.amount"),
        (LICENCE, _fee(rule={"by": "fixed", "amount": 0.5}), "fees.0.rule.fixed.amount"),
        (LICENCE, _fee(rule={"by": "weight", "amount": 1}), "fees.0.rule"),
        ("applicant.yaml", lambda data: data | {"required": "name"}, "required"),
        ("agencies.yaml", lambda data: [*data, data[0]], "H55"),
        ("agencies.yaml", lambda data: [*data, data[0] | {"code": "H56"}], "000.00.00.H55"),
        ("agencies.yaml", lambda data: [data[0] | {"code_pattern": "{agency}"}], "0.code_pattern"),
        ("localised/H55/1.001193.yaml", lambda data: [data[0] | {"province": "H01"}], "0"),
        ("guide.yaml", lambda data: data | {"start": "nowhere"}, "nowhere"),
    ],
)
def test_a_wrong_data_file_stops_the_service_at_its_start_and_its_place_is_named(
    tmp_path: Path, file: str, change: Change, path: str
) -> None:
    with pytest.raises(files.WrongFiles) as wrong:
        catalogue.load(_altered(tmp_path, file, change))
    assert (file, path) in {(each.file, each.path) for each in wrong.value.mistakes}


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    folder = _altered(tmp_path, LICENCE, lambda data: data | {"version": 0, "name": 7})
    (folder / "procedures" / "1.000894" / "1.yaml").write_text("code: [", "utf-8")
    (folder / "guide.yaml").unlink()
    with pytest.raises(files.WrongFiles) as wrong:
        files.read(folder)
    assert {LICENCE, "procedures/1.000894/1.yaml", "guide.yaml"} <= {each.file for each in wrong.value.mistakes}
    assert {"version", "name"} <= {each.path for each in wrong.value.mistakes if each.file == LICENCE}
