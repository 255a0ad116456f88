"""The only SQL of payments."""

from services.payments.store import bills as bills
from services.payments.store import ledger as ledger
from services.payments.store import rings as rings
