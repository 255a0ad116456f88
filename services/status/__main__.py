"""`python -m services.status`."""

from chassis.service import main
from chassis.settings import Settings
from services.status.main import status

main(lambda: status(Settings()))
