"""`python -m services.payments`."""

from chassis.service import main
from services.payments.main import payments
from services.payments.settings import PaymentsSettings

main(lambda: payments(PaymentsSettings()))
