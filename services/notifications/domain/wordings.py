"""The wordings of all notices, by template and language."""

from __future__ import annotations

from collections.abc import Mapping

from services.notifications.domain import english, english_fees, vietnamese, vietnamese_fees
from services.notifications.domain.contact import Language
from services.notifications.domain.wording import Wording

NO_TIME: dict[Language, str] = {"vi": "(sẽ báo sau)", "en": "(to be announced)"}

_BY_LANGUAGE: dict[Language, tuple[Mapping[str, Wording], ...]] = {
    "vi": (vietnamese.WORDINGS, vietnamese_fees.WORDINGS),
    "en": (english.WORDINGS, english_fees.WORDINGS),
}
WORDINGS: dict[tuple[str, Language], Wording] = {
    (template, language): wording
    for language, several in _BY_LANGUAGE.items()
    for wordings in several
    for template, wording in wordings.items()
}
