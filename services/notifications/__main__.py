"""`python -m services.notifications [--roles …]`."""

from __future__ import annotations

from chassis.service import main
from services.notifications.main import notifications
from services.notifications.settings import Settings

if __name__ == "__main__":
    main(lambda: notifications(Settings()))
