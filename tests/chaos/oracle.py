"""The oracle of the acceptance: what must be true of every dossier once the faults have ended and all is quiet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from motcua.actors import persona
from tests.chaos import notices, projection
from tests.chaos.evidence import Evidence, Told
from tests.chaos.verdict import Verdict
from tests.chaos.walking import REFUSED, RETURNED, STOPPED, Journey

CLEARING = "gateway:stripe"
_OF_NO_DOSSIER = {"contacts.v1", "procedures.v1"}
_ENDS = {"dossier.refused", "dossier.stopped", "dossier.returned"}
_BILL_ENDS = {
    RETURNED: {"paid"},
    REFUSED: {"refunded", "refund_failed"},
    STOPPED: {"expired", "cancelled", "refunded", "refund_failed"},
}


def judge(journeys: Sequence[Journey], evidence: Evidence) -> Verdict:
    """Hold the evidence against what the journeys were promised."""
    verdict = Verdict()
    by_code: dict[str, list[Told]] = defaultdict(list)
    for each in evidence.told:
        by_code[each.subject].append(each)
    status = {row["code"]: row["status"] for row in evidence.dossiers}
    bills: dict[str, list[Any]] = defaultdict(list)
    for row in evidence.bills:
        bills[row["dossier_code"]].append(row)
    for journey in journeys:
        verdict.lost += _unkept(journey, status, bills[journey.code], by_code[journey.code])
    verdict.lost += [f"{name} in two journeys" for name in _repeated([journey.code for journey in journeys])]
    sequences(verdict, evidence)
    strangers(verdict, evidence, {persona(name)["subject"] for name in {journey.who for journey in journeys}})
    notices.judge(verdict, journeys, evidence)
    _money(verdict, evidence, status, bills)
    verdict.projection_mismatches += projection.mismatches(evidence, status)
    return verdict


def _unkept(journey: Journey, status: Mapping[str, int], bills: Sequence[Any], told: Sequence[Told]) -> Iterator[str]:
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
    for kind, times in Counter(journey.accepted).items():
        if types[kind] != times:
            yield f"{name}: {kind} stands {types[kind]} times in the log, accepted {times} times"
    if sum(types[kind] for kind in _ENDS) != 1:
        yield f"{name}: {[kind for kind in _ENDS if types[kind]]} for an end"
    yield from (f"{name}: {trouble}" for trouble in _of_bills(journey, ended, bills, types))


def _of_bills(journey: Journey, ended: int | None, bills: Sequence[Any], types: Mapping[str, int]) -> Iterator[str]:
    """A bill for each time that fees were asked for, each in the state that its dossier's end asks for."""
    if not bills:
        yield "its bill is None"
    elif Counter(bill["amount"] for bill in bills) != Counter(journey.fees):
        yield f"its bills are {sorted(bill['amount'] for bill in bills)}, asked for were {sorted(journey.fees)}"
    for bill in bills:
        if bill["state"] not in _BILL_ENDS.get(ended or 0, ()):
            yield f"its bill is {bill['state']}"
        elif bill["state"] == "paid" and not bill["receipts"]:
            yield "paid without one receipt"
    receipts = [number for bill in bills for number in bill["receipts"]]
    if len(set(receipts)) != len(receipts) or types["payment.receipt-issued"] != len(receipts):
        yield f"receipts {receipts}, told {types['payment.receipt-issued']} times"


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
        **{("payments.v1", str(row["bill_id"])): row["sequence"] for row in evidence.bills},
        **{("appointments.v1", row["dossier_code"]): row["sequence"] for row in evidence.appointments},
        **{("notifications.v1", str(row["notice_id"])): row["sequence"] for row in evidence.notices},
        **{("contacts.v1", str(row["person_id"])): row["sequence"] for row in evidence.people},
        **{("procedures.v1", row["code"]): row["sequence"] for row in evidence.procedures},
    }
    for owned in {*told, *seen}:
        wanted, found = told.get(owned, 0), len(seen.get(owned, ()))
        if found < wanted:
            verdict.lost.append(f"{' '.join(owned)}: {wanted} events told, {found} in the log")
        elif found > wanted:
            verdict.out_of_order.append(f"{' '.join(owned)}: {found} events in the log, {wanted} ever told")


def strangers(verdict: Verdict, evidence: Evidence, people: Collection[str]) -> None:
    """What belongs to a dossier that nobody was told of, or to a person who never came."""
    owned = {
        "dossier": {row["code"] for row in evidence.dossiers},
        "bill": {row["dossier_code"] for row in evidence.bills},
        "ledger entry": {row["dossier_code"] for row in evidence.ledger},
        "notice": {row["dossier_code"] for row in evidence.notices},
        "appointment": {row["dossier_code"] for row in evidence.appointments},
        "view": {row["dossier_code"] for row in evidence.views},
        "event": {each.subject for each in evidence.told if each.topic not in _OF_NO_DOSSIER},
    }
    for what, found in owned.items():
        for code in sorted(found - set(evidence.codes)):
            verdict.lost.append(f"{code or 'nobody'}: {what} of a dossier that nobody was told of")
    for person in sorted({str(row["person_id"]) for row in evidence.people} - set(people)):
        verdict.lost.append(f"{person}: a person who never came")


def _money(verdict: Verdict, evidence: Evidence, status: Mapping[str, int], bills: Mapping[str, Sequence[Any]]) -> None:
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
        returned = status.get(code) == RETURNED
        may_keep = [bill for bill in bills.get(code, ()) if returned or bill["state"] == "refund_failed"]
        if kept[code] > len(may_keep):
            verdict.double_charges.append(f"{code}: {kept[code]} charges kept, {len(may_keep)} allowed")
        due = sum(bill["amount"] for bill in may_keep)
        off = max(abs(net[code] - ledger[code]), abs(net[code] - due))
        if off:
            verdict.money.append((f"{code}: gateway {net[code]}, ledger {ledger[code]}, due {due}", off))
    verdict.money += [(f"ledger transaction {key} is off", abs(off)) for key, off in transactions.items() if off]


def _repeated(values: Sequence[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if value and times > 1]
