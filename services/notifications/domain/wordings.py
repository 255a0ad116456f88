"""The wordings of all notices, by template and language."""

from __future__ import annotations

from services.notifications.domain import english, english_fees, vietnamese, vietnamese_fees
from services.notifications.domain.contact import Language
from services.notifications.domain.wording import Wording

NO_TIME: dict[Language, str] = {"vi": "(sẽ báo sau)", "en": "(to be announced)"}

WORDINGS: dict[tuple[str, Language], Wording] = {
    **{(template, "vi"): wording for template, wording in (vietnamese.WORDINGS | vietnamese_fees.WORDINGS).items()},
    **{(template, "en"): wording for template, wording in (english.WORDINGS | english_fees.WORDINGS).items()},
}
