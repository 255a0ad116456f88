"""All mistakes: those of the models that this code could make, why it cannot make the others, and the nine failures."""

from __future__ import annotations

from collections.abc import Mapping

from tests.mistakes.consumer import CONSUMER
from tests.mistakes.failures import FAILURES
from tests.mistakes.money import MONEY
from tests.mistakes.outbox import OUTBOX
from tests.mistakes.parking import PARKING
from tests.mistakes.paying import PAYING
from tests.mistakes.ringing import RINGING

MISTAKES = (*OUTBOX, *CONSUMER, *PARKING, *PAYING, *RINGING, *MONEY, *FAILURES)

_NO_FENCE = (
    "no consumer compares ce_sequence before it takes a record, so none can stop or pass by it; that the log has no gap is "
    "the outbox's word, and its mistakes are above"
)

CANNOT: Mapping[str, str] = {
    "Consumer/gap-no-fence": _NO_FENCE,
    "Consumer/stop-on-gap": _NO_FENCE,
    "Payment/call-before-row": (
        "a call is a row that a decision wrote: who makes calls reads them from the database after the commit, and a handler is "
        "given nothing else"
    ),
}
"""By the name of the run."""
