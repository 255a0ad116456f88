"""Messages inside a dossier, between its citizen and the officers who have it."""

from __future__ import annotations

from datetime import datetime

from chassis.decider import Decision
from chassis.errors import Refusal
from contracts import dossiers
from services.intake.domain.commands import PostMessage
from services.intake.domain.dossier import Dossier, Entry, decided, known
from services.intake.domain.moves import NAMES


def post_message(dossier: Dossier | None, message: PostMessage, now: datetime) -> Decision[Dossier]:
    """Keep the message with the dossier; that there is one is told, its text is not. A closed one takes no more."""
    dossier = known(dossier)
    citizen = message.author == "citizen" and message.person_id == dossier.person_id
    officer = message.author == "officer" and message.agency in (dossier.agency, dossier.handler)
    if not (citizen or officer):
        known(None)
    if dossier.is_closed:
        raise Refusal(
            "closed_dossier",
            f"Hồ sơ đã đóng ({NAMES[dossier.status]}) nên không nhận thêm tin nhắn; hãy liên hệ trực tiếp bộ phận một cửa.",
            f"The dossier is closed ({dossier.status.name.lower()}) and takes no more messages; ask at the one-stop desk.",
        )
    said = {"message_id": str(message.message_id), "text": message.text}
    entry = Entry(
        at=now,
        kind="message",
        by=message.name if officer else None,
        role=message.author,
        body={**said, "agency": message.agency} if officer else said,
    )
    return decided(
        dossier,
        lambda step: dossiers.MessagePosted(message_id=message.message_id, author=message.author, step=step),
        entry,
    )
