"""The only SQL of payments."""

from services.payments.store import banks as banks
from services.payments.store import bills as bills
from services.payments.store import books as books
from services.payments.store import days as days
from services.payments.store import differences as differences
from services.payments.store import facts as facts
from services.payments.store import ledger as ledger
from services.payments.store import receipts as receipts
from services.payments.store import reports as reports
from services.payments.store import rings as rings
from services.payments.store import search as search
from services.payments.store import statements as statements
from services.payments.store import vouchers as vouchers
