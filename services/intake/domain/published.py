"""What the public catalogue says of a procedure, and which of its legal bases end soon."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

from contracts import procedures
from services.intake.domain import fees
from services.intake.domain.fact import Duration, LegalBasis
from services.intake.domain.procedure import Procedure

WARNED_DAYS = 60  # how long before a legal basis ends it is told


def published(procedure: Procedure, today: date, state: Literal["open", "closed"] = "open") -> procedures.Published:
    """The version as it is said on this day."""
    return procedures.Published(
        code=procedure.code,
        version=procedure.version,
        name=procedure.name,
        effective_from=procedure.effective_from,
        processing_days=procedure.processing_days,
        needs_appointment=procedure.appointment is not None,
        fee_lines=procedure.fee_lines,
        legal_bases=tuple(basis.name for basis in procedure.legal_bases),
        state=state,
        effective_to=procedure.effective_to,
        domain=procedure.domain,
        levels=procedure.levels,
        online=procedure.online,
        processing=_time(procedure.processing),
        extended=_time(procedure.extended) if procedure.extended else None,
        agencies=procedure.agencies,
        cases=tuple(procedures.CaseNamed(key=case.key, name=case.name) for case in procedure.cases),
        documents=tuple(
            procedures.PaperAsked.model_validate(
                paper.model_dump(include={"key", "name", "originals", "copies", "required", "at_desk"})
            )
            for paper in procedure.documents
        ),
        fees=tuple(
            procedures.FeeRule(
                code=fee.code,
                kind=fee.kind,
                name=fee.name,
                rule_vi=fees.in_words(fee.rule),
                legal_basis=fee.legal_basis,
                valid_from=fee.valid_from,
                valid_to=fee.valid_to,
            )
            for fee in procedure.fees
        ),
        bases=tuple(
            procedures.Basis.model_validate(basis.model_dump(exclude={"certainty"})) for basis in procedure.legal_bases
        ),
        expiring=tuple(
            procedures.BasisEnds(name=basis.name, ends_on=basis.valid_to, days_left=(basis.valid_to - today).days)
            for basis in ending(procedure, today)
            if basis.valid_to is not None
        ),
        result=procedure.result,
    )


def ending(procedure: Procedure, today: date) -> tuple[LegalBasis, ...]:
    """The legal bases that have ended or end within 60 days."""
    horizon = today + timedelta(days=WARNED_DAYS)
    return tuple(basis for basis in procedure.legal_bases if basis.valid_to is not None and basis.valid_to <= horizon)


def _time(duration: Duration) -> procedures.Time:
    return procedures.Time(amount=duration.amount, unit=duration.unit)
