"""Officers over HTTP: what they decide on dossiers that their agency received or has now."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import APIRouter

from chassis.access import Caller
from chassis.errors import Refusal
from chassis.http import CallerOf, CodeOf, WorkOf, allowed
from chassis.work import Work
from contracts.dossiers import Marked
from services.intake import store
from services.intake.api.changes import changed, keeping, to_person
from services.intake.api.common import IfMatch, shown_to, version_of
from services.intake.api.desk import agency_of
from services.intake.api.officer_bodies import (
    Correction,
    Delivered,
    Grounds,
    LaterFees,
    Marks,
    NewDate,
    Note,
    Officer,
    Posted,
    Reason,
    Result,
)
from services.intake.api.results import result_of
from services.intake.domain import commands, fee_changes
from services.intake.domain.commands import ByOfficer
from services.intake.domain.fees import line_of
from services.intake.domain.supplement import markable
from services.intake.filing import Filing, filed_on
from services.intake.views import DossierView

Command = TypeVar("Command", bound=ByOfficer)


def routes_of(filing: Filing) -> APIRouter:
    """What officers decide."""
    made = APIRouter(tags=["desk"], prefix="/dossiers/{code}")

    @made.post("/accept", response_model=DossierView)
    async def accept(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Tiếp nhận: the processing clock starts."""
        return await _decided(work, code, by(caller, commands.Accept, if_match))

    @made.post("/refuse", response_model=DossierView)
    async def refuse(
        code: CodeOf, body: Grounds, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Không tiếp nhận, with grounds."""
        return await _decided(work, code, by(caller, commands.Refuse, if_match, grounds=body.grounds))

    @made.post("/process", response_model=DossierView)
    async def process(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Chuyển xử lý: to the first step of the procedure."""
        return await _decided(work, code, by(caller, commands.StartProcessing, if_match))

    @made.post("/assign", response_model=DossierView)
    async def assign(
        code: CodeOf, body: Officer, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Giao cho cán bộ, or take it oneself."""
        return await _decided(work, code, by(caller, commands.Assign, if_match, to=body.officer))

    @made.post("/hand-on", response_model=DossierView)
    async def hand_on(
        code: CodeOf, body: Note, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Chuyển bước tiếp theo: the step is done."""
        return await _decided(work, code, by(caller, commands.HandOn, if_match, note=body.note))

    @made.post("/send-back", response_model=DossierView)
    async def send_back(
        code: CodeOf, body: Reason, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Trả lại bước trước, with the reason."""
        return await _decided(work, code, by(caller, commands.SendBack, if_match, reason=body.reason))

    @made.post("/request-supplement", response_model=DossierView)
    async def request_supplement(
        code: CodeOf, body: Marks, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Yêu cầu bổ sung, once and whole: every wrong field and document with its reason."""
        dossier = await _held(caller, code, work)
        procedure = await filing.pinned(dossier, work.pool)
        catalogue = await filing.opened.current(work.pool)
        names = markable(procedure, catalogue, dossier.form)
        items = tuple(
            Marked(
                kind="document" if mark.path.startswith("documents.") else "field",
                path=mark.path,
                name=names.get(mark.path, ""),
                reason=mark.reason,
            )
            for mark in body.items
        )
        everything = markable(procedure, catalogue, None)
        unknown = [item.path for item in items if not item.name]
        _must_be_known([path for path in unknown if path not in everything])
        _must_be_shown([everything[path] for path in unknown])
        return await _decided(work, code, by(caller, commands.RequestSupplement, if_match, items=items))

    @made.post("/request-fees", response_model=DossierView)
    async def request_fees(
        code: CodeOf, body: LaterFees, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Yêu cầu thực hiện nghĩa vụ tài chính: fees of the procedure that came up later."""
        dossier = await _held(caller, code, work)
        known = {fee.code: fee for fee in (await filing.pinned(dossier, work.pool)).fees}
        _must_be_known([fee.code for fee in body.fees if fee.code not in known])
        lines = tuple(line_of(known[fee.code], fee.amount, fee.reason) for fee in body.fees)
        return await _decided(work, code, by(caller, commands.RequestFees, if_match, fee_lines=lines))

    @made.post("/withdraw-fees", response_model=DossierView)
    async def withdraw_fees(
        code: CodeOf, body: Reason, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Rút yêu cầu nộp phí phát sinh: it was wrong, nobody owes it, and what was paid for it goes back."""
        return await _decided(work, code, by(caller, commands.WithdrawFees, if_match, reason=body.reason))

    @made.post("/correct", response_model=DossierView)
    async def correct(
        code: CodeOf, body: Correction, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Sửa thông tin: the whole form is checked again, and the citizen sees what was changed."""
        dossier = await _held(caller, code, work)
        form, _, paths = await changed(dossier, body.fields, {}, dossier.person_id, filing, work)
        fee_changes.check(await filing.pinned(dossier, work.pool), dossier, form, filed_on(dossier))
        seen = version_of(if_match)
        command = by(caller, commands.Correct, if_match, form=form, changed=paths, reason=body.reason)
        # Never over what somebody else has changed meanwhile, whether or not the officer says what was seen.
        looked_at = dossier.version if seen is None else seen
        command = command.model_copy(update={"seen_version": looked_at})
        sent = await work.send(store.dossiers.aggregate, code, command, also=to_person(dossier, form))
        return DossierView.of(sent)

    @made.post("/apologise", response_model=DossierView)
    async def apologise(
        code: CodeOf, body: NewDate, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Xin lỗi và hẹn lại ngày trả: once, at least a day before the promised date."""
        return await _decided(work, code, by(caller, commands.Apologise, if_match, to=body.to, reason=body.reason))

    @made.post("/extend", response_model=DossierView)
    async def extend(
        code: CodeOf, body: Reason, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Gia hạn để xác minh, where the procedure has a longer time for that."""
        return await _decided(work, code, by(caller, commands.Extend, if_match, reason=body.reason))

    @made.post("/stop", response_model=DossierView)
    async def stop(code: CodeOf, body: Reason, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Dừng xử lý, with the reason."""
        return await _decided(work, code, by(caller, commands.Stop, if_match, reason=body.reason))

    @made.post("/grant-withdrawal", response_model=DossierView)
    async def grant_withdrawal(code: CodeOf, caller: CallerOf, work: WorkOf, if_match: IfMatch = None) -> DossierView:
        """Đồng ý cho rút hồ sơ."""
        return await _decided(work, code, by(caller, commands.GrantWithdrawal, if_match))

    @made.post("/decline-withdrawal", response_model=DossierView)
    async def decline_withdrawal(
        code: CodeOf, body: Reason, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Không đồng ý cho rút hồ sơ, with the reason."""
        return await _decided(work, code, by(caller, commands.DeclineWithdrawal, if_match, reason=body.reason))

    @made.post("/complete", response_model=DossierView)
    async def complete(
        code: CodeOf, body: Result, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Xử lý xong: the result exists, under its number and with its document."""
        agency = agency_of(caller)
        document = await result_of(agency, body.document_id, work)
        command = by(caller, commands.Complete, if_match, result_number=body.result_number, document=document)
        sent = await work.send(store.dossiers.aggregate, code, command, beside=keeping([document], agency))
        return DossierView.of(sent)

    @made.post("/dispatch", response_model=DossierView)
    async def dispatch(
        code: CodeOf, body: Posted, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Gửi kết quả qua bưu chính."""
        return await _decided(work, code, by(caller, commands.Dispatch, if_match, **body.model_dump()))

    @made.post("/return", response_model=DossierView)
    async def give_back(
        code: CodeOf, body: Delivered, caller: CallerOf, work: WorkOf, if_match: IfMatch = None
    ) -> DossierView:
        """Trả kết quả."""
        return await _decided(work, code, by(caller, commands.Return, if_match, delivery=body.delivery))

    return made


def by(caller: Caller, command: type[Command], if_match: str | None, **more: Any) -> Command:
    """The officer's command. Raises Refusal 403 for anybody who is not an officer, 400 for an If-Match that is no ETag."""
    allowed(caller, "officer")
    return command(
        officer=caller.name or caller.subject,
        agency=caller.agency or "",
        department=caller.department,
        seen_version=version_of(if_match),
        **more,
    )


async def _decided(work: Work, code: str, command: ByOfficer) -> DossierView:
    return DossierView.of(await work.send(store.dossiers.aggregate, code, command))


async def _held(caller: Caller, code: str, work: Work) -> Any:
    allowed(caller, "officer")
    return await shown_to(caller, code, work)


def _must_be_known(unknown: list[str]) -> None:
    if unknown:
        raise Refusal(
            "not_of_this_procedure",
            f"Thủ tục của hồ sơ không có: {', '.join(unknown)}.",
            f"The dossier's procedure has no: {', '.join(unknown)}.",
            422,
        )


def _must_be_shown(hidden: list[str]) -> None:
    if hidden:
        raise Refusal(
            "not_of_this_procedure",
            f"Tờ khai của hồ sơ không dùng mục này trong trường hợp đã chọn: {', '.join(hidden)}.",
            f"In the case that was chosen, the dossier's form has no: {', '.join(hidden)}.",
            422,
        )
