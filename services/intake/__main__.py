"""`python -m services.intake`."""

from chassis.service import main
from services.intake.main import intake
from services.intake.settings import IntakeSettings

main(lambda: intake(IntakeSettings()))
