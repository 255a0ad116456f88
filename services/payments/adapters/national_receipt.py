"""ThongTinBienLai: what the platform prints on its receipt, from what we know; what we do not know is a gap, and is said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from services.payments.adapters.national_services import Directory
from services.payments.adapters.payer import Payer
from services.payments.domain.questions import CreateCheckout

FEES = "2"  # MaDichVu; 1 is a fine
_KINDS: Mapping[str, str] = MappingProxyType({"phí": "1", "lệ phí": "2"})


class Gap(Exception):
    """Something that the receipt needs and that nobody told us; the text names it."""


def receipt_fields(request: CreateCheckout, payer: Payer, table: Directory) -> dict[str, Any]:
    """ThongTinBienLai of a page, in the platform's field names. Raises Gap."""
    service = table.services.get(request.procedure)
    if service is None:
        raise Gap(f"no_service_code: {request.procedure or 'no procedure'}")
    beneficiary = _beneficiary(request)
    account = table.accounts.get(beneficiary)
    if account is None:
        raise Gap(f"no_account: {beneficiary}")
    _said(request)
    due = [item for item in request.items if item.amount]  # a line that was exempted is printed nowhere
    return {
        "MaDichVu": FEES,
        "MaDVC": service.code,
        "TenDVC": service.name or request.procedure_name,
        "MaTTHC": request.procedure,
        "TenTTHC": request.procedure_name,
        "MaDonVi": table.agencies.get(request.agency, request.agency),
        "TenDonVi": request.agency_name,
        "MaHoSo": request.dossier_code,
        "TKThuHuong": beneficiary,
        "MaNHThuHuong": account.bank,
        "TenTKThuHuong": account.holder,
        "NoiDungThanhToan": request.description,
        "HoTenNguoiNop": payer.name,
        "SoCMNDNguoiNop": payer.paper,
        "DiaChiNguoiNop": payer.address,
        "HuyenNguoiNop": "",  # there are no districts since 1/7/2025
        "TinhNguoiNop": payer.province,
        "PhiLePhi": [
            {
                "LoaiPhiLePhi": _KINDS[item.kind],
                "MaPhiLePhi": item.code,
                "TenPhiLePhi": item.name,
                "SoTien": str(item.amount),
            }
            for item in due
        ],
        "DSKhoanNop": [{"NoiDung": item.name, "SoTien": str(item.amount)} for item in due],
    }


def _beneficiary(request: CreateCheckout) -> str:
    """The one account that all lines go to: the platform pays a page out to one."""
    accounts = sorted({item.beneficiary for item in request.items if item.amount})
    if len(accounts) != 1:
        raise Gap(f"not_one_beneficiary: {', '.join(accounts) or 'no fee lines'}")
    return accounts[0]


def _said(request: CreateCheckout) -> None:
    """The lines must be named, of a known kind, and add up: after a part was paid elsewhere they no longer do."""
    if sum(item.amount for item in request.items) != request.amount:
        raise Gap("lines_do_not_add_up")
    strange = sorted({item.kind for item in request.items} - set(_KINDS))
    if strange:
        raise Gap(f"unknown_kind_of_fee: {', '.join(strange)}")
    empty = [name for name in ("procedure_name", "agency", "agency_name", "description") if not getattr(request, name)]
    if empty:
        raise Gap(f"empty: {', '.join(empty)}")
