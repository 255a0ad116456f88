"""The national payment platform as a process: CONFIRM until it is answered with "00", over kills; paying by dossier code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from chassis.clock import utc_now
from chassis.errors import Refusal, Unanswered
from chassis.identifiers import new_id
from services.payments.adapters.national_client import client
from services.payments.domain.answers import Captured, CheckoutCreated
from services.payments.domain.codes import payment_code
from tests.integration.gateways.asking import CALLING, until
from tests.integration.gateways.merchant import AMOUNT, DOSSIER, about, wanted
from tests.integration.gateways.national_merchant import PARTNER, SECRET, NationalMerchant, adapter, opened
from tests.integration.sandbox_process import Server, Sink, eventually, running


@pytest.fixture
async def merchant(tmp_path: Path) -> AsyncIterator[NationalMerchant]:
    async with opened(tmp_path) as there:
        yield there


async def page(merchant: NationalMerchant) -> CheckoutCreated:
    made = await merchant.gateway.create_checkout(wanted(merchant), CALLING)
    assert isinstance(made, CheckoutCreated)
    return made


def notices(server: Server) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = server.http.get(f"{server.url}/_control/notices").json()["notices"]
    return told


def settled(server: Server) -> list[tuple[str, int]]:
    """The state of each CONFIRM and how often it was sent, once none is pending."""

    def states() -> list[tuple[str, int]]:
        found = [(each["state"], each["attempts"]) for each in notices(server)]
        return found if found and all(state != "pending" for state, _ in found) else []

    return eventually(states)


@pytest.mark.parametrize("answer", [b'{"MaLoi": "99"}', b'{"MaLoi": "0"}', b'{"MaLoi": 0}', b"OK", b"", b"[]"])
async def test_a_confirm_comes_again_until_it_is_answered_with_00(merchant: NationalMerchant, answer: bytes) -> None:
    merchant.sink.answer = answer
    await merchant.pays(await page(merchant))
    first, *_, last = [body for body, _ in await merchant.rings(3)]
    assert first == last
    merchant.sink.answer = b'{"MaLoi": "00"}'
    ((state, attempts),) = settled(merchant.sandbox)
    assert state == "delivered"
    assert attempts >= 4


async def test_a_killed_platform_forgets_neither_payments_nor_what_it_owes(merchant: NationalMerchant) -> None:
    merchant.sink.answer = b'{"MaLoi": "99"}'
    request = wanted(merchant)
    made = await merchant.gateway.create_checkout(request, CALLING)
    assert isinstance(made, CheckoutCreated)
    await merchant.pays(made)
    await merchant.rings(1)
    merchant.sandbox.kill()
    merchant.sink.answer = b'{"MaLoi": "00"}'
    merchant.sandbox.start()
    assert settled(merchant.sandbox)[0][0] == "delivered"

    async def asked() -> Captured | None:
        truth = await merchant.gateway.ask_checkout(about(request, made), CALLING)
        return truth if isinstance(truth, Captured) else None

    assert (await until(asked)).amount == AMOUNT
    assert await merchant.gateway.create_checkout(request, CALLING) == made


async def test_a_copy_is_sent_after_the_first_was_accepted(merchant: NationalMerchant) -> None:
    await merchant.arm("notice_duplicated")
    merchant.sink.answer = b'{"MaLoi": "99"}'
    await merchant.pays(await page(merchant))
    await merchant.rings(2)
    assert [each["attempts"] for each in notices(merchant.sandbox)][1] == 0
    merchant.sink.answer = b'{"MaLoi": "00"}'
    assert [state for state, _ in settled(merchant.sandbox)] == ["delivered", "delivered"]


async def test_a_wrongly_signed_confirm_is_refused_and_comes_again_rightly_signed(merchant: NationalMerchant) -> None:
    await merchant.arm("notice_badly_signed")
    merchant.sink.answer = b'{"MaLoi": "99"}'
    await merchant.pays(await page(merchant))
    wrong, right = await merchant.rings(2)
    with pytest.raises(Refusal):
        merchant.gateway.hear(*wrong, utc_now())
    (tiding,) = merchant.gateway.tell(merchant.gateway.hear(*right, utc_now()))
    assert tiding.captured is not None


async def test_a_forged_copy_is_sent_once_and_a_lost_one_never(merchant: NationalMerchant) -> None:
    await merchant.arm("notice_forged")
    await merchant.arm("notice_lost")
    await merchant.pays(await page(merchant))
    merchant.sink.answer = b'{"MaLoi": "99"}'
    assert {state for state, _ in settled(merchant.sandbox)} <= {"lost", "refused", "delivered"}
    ((body, headers),) = await merchant.rings(1)
    with pytest.raises(Refusal):
        merchant.gateway.hear(body, headers, utc_now())
    assert len(merchant.sink.received) == 1


async def test_a_confirm_may_come_before_inits_answer(merchant: NationalMerchant) -> None:
    await merchant.arm("notice_before_response")
    made = await page(merchant)
    assert len(merchant.sink.received) == 1, "the CONFIRM was there before the answer"
    ((tiding,),) = [merchant.gateway.tell(merchant.gateway.hear(*each, utc_now())) for each in await merchant.rings(1)]
    assert tiding.attempt_id == made.attempt_id
    assert tiding.captured is not None


async def test_money_comes_after_all_by_itself(merchant: NationalMerchant) -> None:
    await merchant.arm("failed_then_captured")
    await merchant.pays(await page(merchant))
    failed, late = [merchant.gateway.hear(*each, utc_now()) for each in await merchant.rings(2)]
    assert [bool(tiding.captured) for ring in (failed, late) for tiding in merchant.gateway.tell(ring)] == [False, True]


@pytest.mark.parametrize("fault", ["not_an_answer", "timeout_after_charge"])
async def test_an_answer_that_was_lost_is_asked_for_again(merchant: NationalMerchant, fault: str) -> None:
    await merchant.arm(fault)
    request = wanted(merchant)
    impatient = adapter(client(merchant.sandbox.url, 1.0))
    with pytest.raises(Unanswered):
        await impatient.create_checkout(request, CALLING)
    assert isinstance(await impatient.create_checkout(request, CALLING), CheckoutCreated)


@contextmanager
def agency(answers: dict[str, Any], asked: list[Any]) -> Iterator[str]:
    """An agency that says what is due, by dossier code."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(question)
            told = json.dumps(answers.get(question["MaHoSo"], {"error_code": -1, "message": []})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/dptracuuthanhtoanhs"
        finally:
            server.shutdown()


def bill(code: str) -> dict[str, Any]:
    return {
        "MaTraCuuTT": code, "MaDichVu": "2", "MaDVC": "1.002809.02", "TenDVC": "Đổi giấy phép lái xe",
        "MaTTHC": "1.002809", "TenTTHC": "Đổi giấy phép lái xe", "MaDonVi": "G09.20", "TenDonVi": "Công an tỉnh",
        "MaHoSo": DOSSIER, "TKThuHuong": "3511.0.1054321", "MaNHThuHuong": "01201001", "TenTKThuHuong": "Công an tỉnh",
        "NoiDungThanhToan": "Lệ phí", "HoTenNguoiNop": "", "SoCMNDNguoiNop": "", "DiaChiNguoiNop": "",
        "PhiLePhi": [{"LoaiPhiLePhi": "2", "MaPhiLePhi": "gplx", "TenPhiLePhi": "Lệ phí", "SoTien": "135000"}],
        "DSKhoanNop": [{"NoiDung": "Lệ phí", "SoTien": "135000"}],
    }  # fmt: skip


async def test_a_payer_pays_by_the_dossiers_code_and_the_result_names_the_bill(tmp_path: Path) -> None:
    code, asked, sink = payment_code(new_id()), list[Any](), Sink(answer=b'{"MaLoi": "00"}')
    due = {"error_code": 1, "message": bill(code)}
    lacking = {"error_code": 1, "message": {**bill(code), "MaDVC": "", "MaHoSo": "lacking"}}
    answers = {DOSSIER: due, "nothing": {"error_code": 0, "message": []}, "lacking": lacking}
    with agency(answers, asked) as due_url, sink.listening() as result_url:
        told = {
            "NATIONAL_PARTNER": PARTNER, "NATIONAL_SECRET": SECRET, "NATIONAL_DUE_URL": due_url,
            "NATIONAL_RESULT_URL": result_url, "NATIONAL_RETRY_SECONDS": "0.1",
        }  # fmt: skip
        with (
            running(Server("national", tmp_path, told)) as server,
            httpx.Client(base_url=server.url, timeout=30) as browser,
        ):
            shown = {
                each: browser.post("/tra-cuu", data={"code": each}).text for each in ("nothing", "none", "lacking")
            }
            assert "không có khoản nào phải nộp" in shown["nothing"]
            assert "Không tìm thấy hồ sơ" in shown["none"]
            assert "thiếu MaDVC" in shown["lacking"]
            first, second = [browser.post("/tra-cuu", data={"code": DOSSIER}).headers["location"] for _ in range(2)]
            assert first == second
            browser.post(first, data={"bank": "VCB", "action": "pay"})
            eventually(lambda: len(sink.received) == 1)
    assert asked[-1] == {"MaHoSo": DOSSIER}
    headers, body = sink.received[0]
    assert json.loads(body)["MaHoSo"] == DOSSIER
    gateway = adapter(httpx.AsyncClient())
    (tiding,) = gateway.tell(gateway.hear(body, headers, utc_now()))
    assert tiding.payment_code == code
    assert tiding.captured is not None
    assert tiding.captured.amount == AMOUNT
