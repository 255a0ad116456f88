"""What a province does differently: its time, fees, agencies and legal bases in the place of the whole country's."""

from __future__ import annotations

from datetime import date

from services.intake.domain.procedure import Certainty, Duration, Fact, Fee, LegalBasis, Procedure, ProcessStep


class Localised(Fact):
    """A province's own rules for one procedure (địa phương hóa), from a day on, until the next ones.

    `fees` take the place of those with the same code, and others are added; `legal_bases` are added; `agencies` are the
    only ones of the province that take the procedure; `process` is its way through the province's own agencies.
    """

    province: str
    code: str
    effective_from: date
    certainty: Certainty
    processing: Duration | None = None
    extended: Duration | None = None
    fees: tuple[Fee, ...] = ()
    agencies: tuple[str, ...] = ()
    legal_bases: tuple[LegalBasis, ...] = ()
    process: tuple[ProcessStep, ...] = ()


def applied(procedure: Procedure, local: Localised | None, agencies: tuple[str, ...]) -> Procedure:
    """The procedure as it is in a province whose `agencies` would take it."""
    if local is None:
        return procedure.model_copy(update={"agencies": agencies})
    own = {fee.code: fee for fee in local.fees}
    fees = tuple(own.pop(fee.code, fee) for fee in procedure.fees)
    return procedure.model_copy(
        update={
            "agencies": local.agencies or agencies,
            "processing": local.processing or procedure.processing,
            "extended": local.extended or procedure.extended,
            "process": local.process or procedure.process,
            "fees": (*fees, *own.values()),
            "legal_bases": (*procedure.legal_bases, *local.legal_bases),
        }
    )
