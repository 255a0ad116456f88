"""The oracle of the acceptance: what must be true of every dossier once the faults have ended and all is quiet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from motcua.journey import FEE
from services.notifications.domain import plan as notice_plan
from tests.chaos import projection
from tests.chaos.evidence import Evidence, Told
from tests.chaos.journeys import REFUSED, RETURNED, STOPPED, Journey

CLEARING = "gateway:stripe"
_ENDS = {"dossier.refused", "dossier.stopped", "dossier.returned"}
_BILL_ENDS = {
    RETURNED: {"paid"},
    REFUSED: {"refunded", "refund_failed"},
    STOPPED: {"expired", "cancelled", "refunded", "refund_failed"},
}


@dataclass
class Verdict:
    """What was found, in sentences; each list's length is a figure, `unexplained_dong` is an amount.

    `in_doubt` are letters that came twice over the gap between a mail server's acceptance and our commit, which are
    known and told apart (docs/decisions/0010).
    """

    lost: list[str] = field(default_factory=list)
    double_charges: list[str] = field(default_factory=list)
    double_notices: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    projection_mismatches: list[str] = field(default_factory=list)
    money: list[tuple[str, int]] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, int]:
        return {
            "lost": len(self.lost),
            "double_charges": len(self.double_charges),
            "double_notices": len(self.double_notices),
            "out_of_order": len(self.out_of_order),
            "unexplained_dong": sum(amount for _, amount in self.money),
            "projection_mismatches": len(self.projection_mismatches),
        }

    def reasons(self) -> Iterator[str]:
        for name in ("lost", "double_charges", "double_notices", "out_of_order", "projection_mismatches"):
            yield from (f"{name}: {reason}" for reason in getattr(self, name))
        yield from (f"unexplained_dong: {reason}: {amount}" for reason, amount in self.money)


def judge(journeys: Sequence[Journey], evidence: Evidence) -> Verdict:
    """Hold the evidence against what the journeys were promised."""
    verdict = Verdict()
    by_code: dict[str, list[Told]] = defaultdict(list)
    for each in evidence.told:
        by_code[each.subject].append(each)
    status = {row["code"]: row["status"] for row in evidence.dossiers}
    bills = {row["dossier_code"]: row for row in evidence.bills}
    for journey in journeys:
        verdict.lost += _unkept(journey, status, bills, by_code[journey.code])
    verdict.lost += [f"{name} in two journeys" for name in _repeated([journey.code for journey in journeys])]
    sequences(verdict, evidence)
    verdict.lost += _missing_notices(evidence)
    _double_notices(verdict, evidence)
    _money(verdict, evidence, status, bills)
    verdict.projection_mismatches += projection.mismatches(evidence, status)
    return verdict


def _unkept(
    journey: Journey, status: Mapping[str, int], bills: Mapping[str, Any], told: Sequence[Told]
) -> Iterator[str]:
    """What this journey was promised and did not get."""
    name = f"{journey.code or journey.key} ({journey.kind})"
    if not journey.ended:
        yield f"{name}: {journey.failure}"
    if not journey.code:
        return
    ended = status.get(journey.code)
    if ended not in journey.ends:
        yield f"{name}: its status is {ended}"
    types = Counter(each.type for each in told)
    for kind in journey.accepted:
        if types[kind] != 1:
            yield f"{name}: {kind} stands {types[kind]} times in the log"
    if sum(types[kind] for kind in _ENDS) != 1:
        yield f"{name}: {[kind for kind in _ENDS if types[kind]]} for an end"
    bill = bills.get(journey.code)
    if bill is None or bill["state"] not in _BILL_ENDS.get(ended or 0, ()):
        yield f"{name}: its bill is {bill and bill['state']}"
    elif bill["state"] == "paid" and (bill["receipt_number"] is None or types["payment.receipt-issued"] != 1):
        yield f"{name}: paid without one receipt"


def sequences(verdict: Verdict, evidence: Evidence) -> None:
    """Each aggregate's events stand in the log as 1, 2, 3 …, and as many as its owner has told."""
    seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    for each in evidence.told:
        seen[each.topic, each.aggregate].append(each.sequence)
    for (topic, aggregate), numbers in seen.items():
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.out_of_order.append(f"{topic} {aggregate}: {numbers}")
    told = {
        **{("dossiers.v1", row["code"]): row["sequence"] for row in evidence.dossiers},
        **{("payments.v1", row["dossier_code"]): row["sequence"] for row in evidence.bills},
        **{("appointments.v1", row["dossier_code"]): row["sequence"] for row in evidence.appointments},
        **{("notifications.v1", str(row["notice_id"])): row["sequence"] for row in evidence.notices},
    }
    for owned in {*told, *seen}:
        wanted, found = told.get(owned, 0), len(seen.get(owned, ()))
        if found < wanted:
            verdict.lost.append(f"{' '.join(owned)}: {wanted} events told, {found} in the log")
        elif found > wanted:
            verdict.out_of_order.append(f"{' '.join(owned)}: {found} events in the log, {wanted} ever told")


def _missing_notices(evidence: Evidence) -> Iterator[str]:
    """Every event that asks for notices got them, and each came to its end."""
    known = {row["key"]: row for row in evidence.notices}
    sent = {row["reference"] for row in evidence.messages}
    letters = set(evidence.letters)
    events = {kind.TYPE.removeprefix("vn.motcua.").removesuffix(".v1") for kind in notice_plan.EVENTS}
    for each in evidence.told:
        if each.type not in events:
            continue
        for key, _ in notice_plan.notices(projection.event_of(each)):
            row = known.get(key)
            if row is None or row["state"] in ("waiting", "sending"):
                yield f"notice {key} is {row and row['state']}"
            elif row["state"] in ("sent", "delivered"):
                there = sent if row["channel"] == "sms" else letters
                if str(row["notice_id"]) not in there:
                    yield f"notice {key} is {row['state']} and was never seen outside"


def _double_notices(verdict: Verdict, evidence: Evidence) -> None:
    """At most one for each (dossier, step, channel), by the word of the carrier and the mail box."""
    known = {str(row["notice_id"]): row for row in evidence.notices}
    texts = Counter((row["recipient"], row["text"]) for row in evidence.messages)
    verdict.double_notices += [f"SMS {times} times: {text}" for (_, text), times in texts.items() if times > 1]
    for row in evidence.messages:
        if row["reference"] not in known:
            verdict.double_notices.append(f"SMS of a notice that was never decided: {row['text']}")
    for notice, times in Counter(evidence.letters).items():
        if times > 1 and notice in known:
            found = verdict.in_doubt if known[notice]["in_doubt"] else verdict.double_notices
            found.append(f"letter {times} times: {known[notice]['key']}")


def _money(verdict: Verdict, evidence: Evidence, status: Mapping[str, int], bills: Mapping[str, Any]) -> None:
    """The gateway's money, the ledger's and what the dossier's end allows are the same, to the đồng."""
    net, kept, ledger, transactions = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for move in evidence.movements:
        code = move["client_reference_id"] or "nobody"
        net[code] += move["amount"]
        kept[code] += -1 if move["amount"] < 0 else 1
    for entry in evidence.ledger:
        transactions[str(entry["transaction_id"])] += entry["debit"] - entry["credit"]
        if entry["account"] == CLEARING:
            ledger[entry["dossier_code"]] += entry["debit"] - entry["credit"]
    for code in {*evidence.codes, *net, *ledger}:
        bill = bills.get(code)
        failed = bill is not None and bill["state"] == "refund_failed"
        may_keep = 1 if status.get(code) == RETURNED or failed else 0
        if kept[code] > may_keep:
            verdict.double_charges.append(f"{code}: {kept[code]} charges kept, {may_keep} allowed")
        off = max(abs(net[code] - ledger[code]), abs(net[code] - may_keep * FEE))
        if off:
            verdict.money.append((f"{code}: gateway {net[code]}, ledger {ledger[code]}, due {may_keep * FEE}", off))
    verdict.money += [(f"ledger transaction {key} is off", abs(off)) for key, off in transactions.items() if off]


def _repeated(values: Sequence[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if value and times > 1]
