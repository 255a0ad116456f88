"""What is wrong with a form: each place, with a code for programs and a sentence for people in both languages."""

from __future__ import annotations

import re
from collections.abc import Set

from chassis.errors import Refusal

Problem = dict[str, str]

MOST_ERRORS = 100  # nobody reads more, and a hostile form shall not make a large answer

_LONGEST_NAME = 64
# What no keyboard writes, PostgreSQL does not keep (U+0000) or UTF-8 cannot say (half of a surrogate pair).
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def named(place: tuple[str | int, ...]) -> str:
    """A place as it may be shown, dotted: field names are the caller's, and may be anything."""
    return ".".join(UNWRITABLE.sub("\ufffd", str(part))[:_LONGEST_NAME] for part in place) or "form"


class Problems:
    """What was found wrong so far; each place and code once. Given `paths`, only what concerns these fields is noted."""

    def __init__(self, paths: frozenset[str] | None = None) -> None:
        self._found: dict[tuple[str, str], Problem] = {}
        self._paths = paths

    def add(self, path: str, code: str, vi: str, en: str) -> None:
        if not self.full and (self._paths is None or self._concerns(path)):
            self._found.setdefault((path, code), {"path": path, "code": code, "vi": vi, "en": en})

    def _concerns(self, path: str) -> bool:
        field = ".".join(part for part in path.split(".") if not part.isdecimal())  # any element of a list
        return any(_touch(field, each) for each in self._paths or ())

    @property
    def full(self) -> bool:
        """Whether more was found than is told."""
        return len(self._found) > MOST_ERRORS

    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _ in self._found)

    def about(self, paths: Set[str]) -> Problems:
        """Those that concern these paths; the others are not noted from now on."""
        fewer = Problems(frozenset(paths))
        for problem in self._found.values():
            fewer.add(**problem)
        return fewer

    def at(self, path: str) -> bool:
        """Whether something is wrong at this place, inside it or around it: what stands there is not judged further."""
        return bool(self._found) and any(_touch(path, where) for where, _ in self._found)

    def raise_any(self) -> None:
        """Raises Refusal 422 that lists what is wrong, if anything is."""
        if not self._found:
            return
        told = sorted(self._found.values(), key=lambda each: each["path"])[:MOST_ERRORS]
        vi, en = f"{len(told)} chỗ chưa đúng; xem từng mục.", f"{len(told)} wrong fields; see each."
        if self.full:
            vi, en = f"hơn {vi}", f"more than {en}"
        raise Refusal("form_invalid", f"Biểu mẫu có {vi}", f"The form has {en}", 422, tuple(told))


def _touch(one: str, other: str) -> bool:
    """Whether one place is the other, or lies inside it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
