"""The national payment platform of the sandbox: what it demands of partners, and what payers can do."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.kit.pages import VIETNAM
from deploy.sandbox.national.checks import whole, wrong_with_init
from deploy.sandbox.national.main import application, office
from deploy.sandbox.national.settings import Settings
from tests.unit.sandbox.client import arm, client_of, fired

PARTNER, SECRET, REFERENCE = "PARTNER1", "a secret", "A1b2C3"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        tmp_path, PARTNER, SECRET, "http://127.0.0.1:8000", confirm_url="http://127.0.0.1:9/confirm",
        return_url="http://127.0.0.1:9/ho-so/{code}",
    )  # fmt: skip
    async with client_of(application(office(settings))) as client:
        yield client


def stamp(ahead: timedelta = timedelta(), written: str = "%Y%m%d%H%M%S") -> str:
    return (datetime.now(VIETNAM) + ahead).strftime(written)


def receipt(**changes: Any) -> dict[str, Any]:
    return {
        "MaDichVu": "2", "MaDVC": "1.002809.02", "TenDVC": "Đổi giấy phép lái xe", "MaTTHC": "1.002809",
        "TenTTHC": "Đổi giấy phép lái xe", "MaDonVi": "G09.20", "TenDonVi": "Công an tỉnh", "MaHoSo": "G09.20-260609-0001",
        "TKThuHuong": "3511.0.1054321", "MaNHThuHuong": "01201001", "TenTKThuHuong": "Công an tỉnh",
        "NoiDungThanhToan": "Lệ phí", "HoTenNguoiNop": "Nguyễn Thị Ánh", "SoCMNDNguoiNop": "019190012345",
        "DiaChiNguoiNop": "17 đường Đội Cấn",
        "PhiLePhi": [{"LoaiPhiLePhi": "2", "MaPhiLePhi": "gplx", "TenPhiLePhi": "Lệ phí", "SoTien": "135000"}],
        "DSKhoanNop": [{"NoiDung": "Lệ phí", "SoTien": "135000"}],
    } | changes  # fmt: skip


def init(**changes: Any) -> dict[str, Any]:
    return {
        "LoaiBanTin": "INIT", "PhienBan": "1.0.6", "MaDoiTac": PARTNER, "MaThamChieu": REFERENCE, "SoTien": "135000",
        "LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN", "MaTienTe": "VND",
        "MaNganHang": "", "ThongTinGiaoDich": "Le phi", "ThoiGianGD": stamp(), "Ip": "113.161.72.9",
        "ThongTinBienLai": receipt(),
    } | changes  # fmt: skip


def signed(message: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    fields = (
        ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan", "MaKenhThanhToan", "MaThietBi",
         "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich", "ThoiGianGD", "Ip")
        if message["LoaiBanTin"] == "INIT"
        else ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
    )  # fmt: skip
    text = "|".join([*(str(message.get(field, "")) for field in fields), secret])
    return {**message, "MaXacThuc": sha256(text.encode()).hexdigest()}


async def answered(platform: httpx.AsyncClient, message: dict[str, Any]) -> dict[str, Any]:
    path = {"INIT": "init", "QUERY": "query", "GET_BILL": "get-bill"}[message["LoaiBanTin"]]
    answer = await platform.post(f"/payment/{path}", json=message)
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def page(platform: httpx.AsyncClient, **changes: Any) -> str:
    """The path of a new page."""
    told = await answered(platform, signed(init(**changes)))
    assert told["MaLoi"] == "00", told
    return httpx.URL(told["UrlThanhToan"]).path


async def state(platform: httpx.AsyncClient, reference: str = REFERENCE) -> str:
    asked = {**init(), "LoaiBanTin": "QUERY", "MaThamChieu": reference}
    return str((await answered(platform, signed(asked)))["TrangThaiGD"])


async def test_a_page_is_made_and_the_same_message_finds_it_again(platform: httpx.AsyncClient) -> None:
    message = signed(init())
    first, again = [await answered(platform, message) for _ in range(2)]
    assert first == again
    assert (await answered(platform, signed(init(SoTien="1"))))["MaLoi"] == "01"
    other = signed(init(ThongTinGiaoDich="khac"))
    assert (await answered(platform, other))["MaLoi"] == "04"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PhienBan": "1.0.5"}, "PhienBan"),
        ({"MaTienTe": "USD"}, "MaTienTe"),
        ({"SoTien": "0"}, "SoTien"),
        ({"SoTien": "135000.5"}, "SoTien"),
        ({"MaThamChieu": "abc-1"}, "MaThamChieu"),
        ({"MaThamChieu": "a" * 256}, "MaThamChieu"),
        ({"MaThamChieu": "ă"}, "MaThamChieu"),
        ({"ThongTinGiaoDich": "x" * 51}, "ThongTinGiaoDich"),
        ({"Ip": "motcua"}, "Ip"),
        ({"MaNganHang": "XYZ"}, "MaNganHang"),
        ({"ThoiGianGD": stamp(timedelta(hours=-12))}, "ThoiGianGD"),
        ({"ThoiGianGD": "2026-11-23"}, "ThoiGianGD"),
        ({"ThongTinBienLai": None}, "ThongTinBienLai"),
        ({"ThongTinBienLai": receipt(SoCMNDNguoiNop="000000001")}, "SoCMNDNguoiNop"),
        ({"ThongTinBienLai": receipt(SoCMNDNguoiNop="1")}, "SoCMNDNguoiNop"),
        ({"ThongTinBienLai": receipt(HoTenNguoiNop=" ")}, "HoTenNguoiNop"),
        ({"ThongTinBienLai": receipt(MaDVC="1.002809.01")}, "MaDVC"),
        ({"ThongTinBienLai": receipt(MaDichVu="1")}, "SoQD"),
        ({"ThongTinBienLai": receipt(MaDichVu="3")}, "MaDichVu"),
        ({"ThongTinBienLai": receipt(PhiLePhi=[])}, "PhiLePhi"),
        ({"ThongTinBienLai": receipt(DSKhoanNop=[{"NoiDung": "a", "SoTien": "1"}])}, "DSKhoanNop"),
    ],
)
async def test_a_wrong_field_is_refused_and_named(
    platform: httpx.AsyncClient, changes: dict[str, Any], named: str
) -> None:
    told = await answered(platform, signed(init(**changes)))
    assert told["MaLoi"] == "01"
    assert named in told["MoTaLoi"]


async def test_every_wrong_field_is_named_at_once() -> None:
    wrong = wrong_with_init({"MaThamChieu": ""}, 0.0)
    for field in ("PhienBan", "SoTien", "ThongTinGiaoDich", "Ip", "MaThamChieu", "ThoiGianGD", "ThongTinBienLai"):
        assert any(field in each for each in wrong), field


@given(st.dictionaries(st.sampled_from([*init(), *receipt()]), st.none() | st.booleans() | st.integers() | st.text()))
def test_no_message_is_too_strange_to_be_judged(message: dict[str, Any]) -> None:
    assert wrong_with_init(message, 0.0)
    assert wrong_with_init({**message, "ThongTinBienLai": {**message, "PhiLePhi": [message]}}, 0.0)


async def test_a_stranger_and_a_wrong_signature_are_refused(platform: httpx.AsyncClient) -> None:
    assert (await answered(platform, signed(init(MaDoiTac="KHAC"))))["MaLoi"] == "02"
    assert (await answered(platform, signed(init(), "wrong")))["MaLoi"] == "03"
    assert (await answered(platform, {**signed(init()), "SoTien": "1"}))["MaLoi"] == "03"
    for body in (b"", b"[]", b"{", b"\xff"):
        assert (await platform.post("/payment/init", content=body)).json()["MaLoi"] == "01"


async def test_a_payer_pays_fails_or_leaves(platform: httpx.AsyncClient) -> None:
    paths = {action: await page(platform, MaThamChieu=action) for action in ("pay", "fail", "leave")}
    for action, path in paths.items():
        assert (await platform.get(path)).status_code == 200
        answer = await platform.post(path, data={"bank": "VCB", "action": action})
        assert answer.status_code in (200, 303)
        if action != "fail":
            assert answer.headers["location"] == "http://127.0.0.1:9/ho-so/G09.20-260609-0001"
    assert [await state(platform, action) for action in paths] == ["1", "4", "3"]


async def test_a_page_is_paid_once_and_one_that_failed_never(platform: httpx.AsyncClient) -> None:
    paid, failed = await page(platform, MaThamChieu="paid"), await page(platform, MaThamChieu="failed")
    await platform.post(failed, data={"bank": "VCB", "action": "fail"})
    for path in (paid, paid, failed):
        await platform.post(path, data={"bank": "MB", "action": "pay"})
    payments = (await platform.get("/_control/payments")).json()["payments"]
    assert {each["reference"]: (each["state"], each["taken"]) for each in payments} == {
        "paid": ("paid", 135_000),
        "failed": ("failed", None),
    }
    notices = (await platform.get("/_control/notices")).json()["notices"]
    assert [each["message"]["MaLoi"] for each in notices] == ["10", "00"]


async def test_a_bank_must_be_chosen_and_an_unknown_page_is_told(platform: httpx.AsyncClient) -> None:
    path = await page(platform)
    answer = await platform.post(path, data={"bank": "XYZ", "action": "pay"})
    assert answer.status_code == 400
    assert "Hãy chọn một ngân hàng" in answer.text
    assert await state(platform) == "3"
    for asked in (platform.get("/thanh-toan/none"), platform.post("/thanh-toan/none", data={"action": "pay"})):
        assert (await asked).status_code == 404


async def test_a_page_shows_what_is_typed_as_text(platform: httpx.AsyncClient) -> None:
    path = await page(platform, ThongTinBienLai=receipt(HoTenNguoiNop="<script>alert(1)</script>"))
    shown = (await platform.get(path)).text
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


async def test_what_nobody_made_is_not_found(platform: httpx.AsyncClient) -> None:
    for kind in ("QUERY", "GET_BILL"):
        assert (await answered(platform, signed({**init(), "LoaiBanTin": kind})))["MaLoi"] == "05"


async def test_a_payment_that_nobody_asked_for_is_told_besides(platform: httpx.AsyncClient) -> None:
    path = await page(platform)
    await arm(platform, "unknown_payment")
    await platform.post(path, data={"bank": "VCB", "action": "pay"})
    notices = (await platform.get("/_control/notices")).json()["notices"]
    assert await fired(platform, "unknown_payment") == 1
    assert [each["message"]["SoTien"] for each in notices] == [135_000, 50_000]
    assert notices[1]["reference"] != REFERENCE


async def test_paying_by_code_needs_an_agency_that_can_be_asked(platform: httpx.AsyncClient) -> None:
    assert (await platform.get("/tra-cuu")).status_code == 200
    assert (await platform.post("/tra-cuu", data={"code": "G09.20-260609-0001"})).status_code == 400


async def test_people_see_what_was_paid_and_can_arm_a_fault(platform: httpx.AsyncClient) -> None:
    await page(platform)
    assert (await platform.post("/_control/arm", data={"name": "notice_lost"})).status_code == 303
    assert (await platform.post("/_control/arm", data={"name": "none"})).status_code == 404
    shown = (await platform.get("/")).text
    assert "G09.20-260609-0001" in shown
    assert json.loads((await platform.get("/_control/faults")).text)["armed"][0]["name"] == "notice_lost"


@pytest.mark.parametrize(("told", "number"), [("1", 1), (7, 7), ("0", None), (True, None), ("1.0", None), (None, None)])
def test_an_amount_is_a_positive_whole_number(told: Any, number: int | None) -> None:
    assert whole(told) == number


async def test_a_slow_answer_is_late_and_true(platform: httpx.AsyncClient) -> None:
    await arm(platform, "slow", delay_seconds=0.2)
    before = time.monotonic()
    assert (await answered(platform, signed(init())))["MaLoi"] == "00"
    assert time.monotonic() - before >= 0.2
    assert await fired(platform, "slow") == 1
