"""`motcua procedures`: what is wrong with the data files is told at once; versions are compared in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from motcua.procedures import app
from services.intake.domain import files, inspection
from services.intake.domain.difference import differences
from services.intake.domain.procedure import Procedure
from tests.forms import CATALOGUE, PROCEDURE

DATA = Path(files.__file__).parents[1] / "catalogue"
TODAY = date(2026, 6, 9)
COPY = DATA / "procedures" / "2.000635" / "1.yaml"
Change = Callable[[Any], Any]


def _file(tmp_path: Path, change: Change, source: Path = COPY) -> Path:
    data = yaml.safe_load(source.read_text("utf-8"))
    path = tmp_path / "1.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(change(data), default=str)), allow_unicode=True), "utf-8")
    return path


def _details(name: str, **changes: Any) -> Change:
    def change(data: Any) -> Any:
        data["details"]["properties"][name] |= changes
        return data

    return change


def _first(part: str, **changes: Any) -> Change:
    def change(data: Any) -> Any:
        data[part][0] |= changes
        return data

    return change


@pytest.mark.parametrize(
    ("change", "path", "says"),
    [
        (_first("fees", rule={"by": "copy", "amount": 1, "copies": "details.copy"}), "fees.trich-luc.rule.copies", "no field"),
        (_first("rules", field="details.registered"), "rules.0", "no field details.registered"),
        (_first("documents", when={"field": "details.nothing"}), "documents.uy_quyen.when", "no field"),
        (_first("documents", when={"field": "case", "one_of": ["x"]}), "documents.uy_quyen.when", "no such case"),
        (_first("process", at="H99"), "process.", "no such agency"),
        (lambda data: data | {"process": [data["process"][0] | {"at": "above"}]}, "process", "ends at the receiving"),
        (_details("copies", examples=[0]), "details.copies", "example"),
        (_details("copies", title=""), "details.copies", "no title"),
        (_details("copies", description="Số bản"), "details.copies", "description"),
        (_details("registered_on", examples=["2015-02-30"]), "example: details.registered_on", "date"),
        (lambda data: data | {"levels": ["commune"], "domain": "Lạ"}, "levels", "no agency takes it"),
        (lambda data: data | {"certainty": {"code": "V"}}, "certainty.result", "how certain"),
        (lambda data: data | {"certainty": data["certainty"] | {"fee": "V"}}, "certainty.fee", "of nothing"),
        (_first("legal_bases", valid_to="2026-06-08"), "legal_bases.", "-1 days"),
    ],
)  # fmt: skip
def test_a_version_that_is_not_sound_is_told_with_the_place(
    tmp_path: Path, change: Change, path: str, says: str
) -> None:
    file = _file(tmp_path, change)
    found = inspection.of_file(str(file), file.read_text("utf-8"), TODAY)
    assert any(each.path.startswith(path) and says in each.text for each in found.mistakes), found.mistakes
    assert {each.file for each in found.mistakes} == {str(file)}


@pytest.mark.parametrize(("days", "warned"), [(60, True), (61, False)])
def test_a_basis_that_ends_within_60_days_is_a_warning_and_no_mistake(tmp_path: Path, days: int, warned: bool) -> None:
    file = _file(tmp_path, _first("legal_bases", valid_to=TODAY + timedelta(days)))
    found = inspection.of_file(str(file), file.read_text("utf-8"), TODAY)
    assert (found.mistakes, [f"{days} days" in each.text for each in found.warnings]) == ((), [True] * warned)


def test_a_provinces_own_rules_are_inspected_in_what_they_change(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    shutil.copytree(DATA, folder)
    file = folder / "localised" / "H55" / "1.001193.yaml"
    file.write_text(file.read_text("utf-8").replace("details.child.birth_date", "details.born"), "utf-8")
    (mistake,) = inspection.of_folder(folder, TODAY).mistakes
    assert (mistake.file, mistake.path) == ("localised/H55/1.001193.yaml", "fees.khai-sinh-muon.rule.since")


def test_check_tells_every_mistake_of_all_files_and_ends_with_1(tmp_path: Path) -> None:
    folder = tmp_path / "catalogue"
    shutil.copytree(DATA, folder)
    (folder / "agencies.yaml").write_text("- code: X\n", "utf-8")
    (folder / "procedures" / "2.000635" / "1.yaml").write_text("code: [", "utf-8")
    told = CliRunner().invoke(app, ["check", str(folder), "--json"])
    found = json.loads(told.stdout)
    assert (told.exit_code, found["ok"]) == (1, False)
    assert {"agencies.yaml", "procedures/2.000635/1.yaml"} <= {each["file"] for each in found["mistakes"]}


def test_check_of_what_ships_ends_with_0() -> None:
    told = CliRunner().invoke(app, ["check"])
    assert told.exit_code == 0, told.output
    assert "21 thủ tục, 22 phiên bản, 0 lỗi" in told.stdout


@pytest.mark.parametrize("wrong", ["no-such-folder", "."])
def test_check_of_no_catalogue_says_so(tmp_path: Path, wrong: str) -> None:
    told = CliRunner().invoke(app, ["check", str(tmp_path / wrong)])
    assert (told.exit_code, "không phải thư mục danh mục" in told.output) == (1, True)


def test_diff_tells_in_words_what_changed_from_one_version_to_the_next() -> None:
    told = CliRunner().invoke(app, ["diff", "1.002809/1", "1.002809/2"])
    assert told.exit_code == 1
    assert "Hiệu lực từ: 2025-03-01 → 2026-01-01 · effective_from: 2025-03-01 → 2026-01-01" in told.stdout
    assert "giảm khi nộp trực tuyến" in told.stdout
    assert CliRunner().invoke(app, ["diff", "1.002809/2", "1.002809/2"]).exit_code == 0
    assert CliRunner().invoke(app, ["diff", "1.002809/2"]).exit_code == 1
    assert "1.002809/2" in CliRunner().invoke(app, ["diff", "1.002809/2", "1.002809/9"]).output


def _changed(**changes: Any) -> Procedure:
    return Procedure.model_validate(PROCEDURE.model_dump(mode="json") | changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"processing": {"amount": 3}}, "Thời hạn giải quyết: 5 ngày làm việc [M] → 3 ngày làm việc [M]"),
        (
            {"processing": {"amount": 8, "unit": "working_hours"}},
            "processing: 5 working days [M] → 8 working hours [M]",
        ),
        ({"extended": {"amount": 9}}, "Thời hạn khi phải xác minh: không có → 9 ngày làm việc [M]"),
        ({"fees": []}, "135.000 đồng một hồ sơ → không có"),
        ({"documents": []}, "“Giấy khám sức khỏe của người lái xe”"),
        ({"process": PROCEDURE.model_dump(mode="json")["process"][::-1]}, "Trình tự các bước"),
        ({"levels": ["commune"]}, 'Cấp thực hiện: ["province"] → ["commune"]'),
    ],
)
def test_each_kind_of_change_is_told_in_words(changes: dict[str, Any], says: str) -> None:
    told = [str(each) for each in differences(PROCEDURE, _changed(**changes))]
    assert any(says in each for each in told), told


@pytest.mark.parametrize("name", sorted(Procedure.model_fields))
def test_no_fact_of_a_procedure_changes_without_being_told(name: str) -> None:
    """`code` and `version` are what two versions are compared by."""
    richest = CATALOGUE.procedure("2.000488").model_copy(
        update={"effective_to": date(2099, 1, 1), "appointment": PROCEDURE.appointment}
    )
    assert not differences(richest, richest)
    others: dict[str, Any] = {
        "code": "1", "version": 9, "name": "Khác", "domain": "Khác", "levels": ("commune",), "online": "partial",
        "effective_from": date(2020, 1, 1), "certainty": {}, "processing": richest.extended, "payment_days": 9,
        "supplement_days": 9, "result": "Khác", "delivery": ("desk",), "details": {"type": "object"},
        "rules": (), "effective_to": None, "extended": None, "appointment": None,
    }  # fmt: skip
    value = others.get(name, ())
    told = differences(richest, richest.model_copy(update={name: value}))
    assert bool(told) == (name not in {"code", "version"}), name
