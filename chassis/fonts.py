"""The letters of papers: static cuts of the variable Noto Sans, made once a process.

A PDF embeds a static font, and cutting one out of a variable font takes a third of a second: too long for each paper.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

import fontpkg_noto_sans
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

FAMILY = "NotoSans"
_FILES = Path(fontpkg_noto_sans.ROOT) / "files"
_CUTS = {
    "": ("NotoSans[wdth,wght].ttf", 400),
    "B": ("NotoSans[wdth,wght].ttf", 700),
    "I": ("NotoSans-Italic[wdth,wght].ttf", 400),
}
# Composed letters need no substitution and no positioning; what remains is drawn glyph by glyph.
_DROPPED = ("GSUB", "GPOS", "GDEF", "STAT", "MVAR")
# Latin with all of Vietnamese, Greek, Cyrillic, punctuation, currencies, letter-like signs, and �.
_LETTERS = ((0x20, 0x530), (0x1E00, 0x1F00), (0x2000, 0x2070), (0x20A0, 0x20C0), (0x2100, 0x2150), (0xFFFD, 0xFFFE))


_CUTTING = Lock()


def cuts() -> dict[str, Path]:
    """The font's file by style: regular, bold, italic. A file that somebody swept away meanwhile is made again."""
    with _CUTTING:
        folder = Path(_folder().name)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {style: folder / f"{FAMILY}{style}.ttf" for style in _CUTS}
        for style, path in paths.items():
            if not path.exists():
                _cut(*_CUTS[style], path)
        return paths


def drawable(text: str) -> str:
    """The text with � for each letter that the font has not: one sees it, and no log has to name it."""
    known = _known()
    return "".join(letter if letter == "\n" or ord(letter) in known else "�" for letter in text)


@cache
def _known() -> frozenset[int]:
    return frozenset.intersection(*(frozenset(TTFont(path).getBestCmap()) for path in cuts().values()))


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="motcua-fonts-")


def _cut(file: str, weight: int, path: Path) -> None:
    font = TTFont(_FILES / file, recalcTimestamp=False)
    for table in _DROPPED:
        if table in font:
            del font[table]
    options = Options()
    options.notdef_outline = True
    letters = Subsetter(options)
    letters.populate(unicodes=[letter for first, end in _LETTERS for letter in range(first, end)])
    letters.subset(font)
    instancer.instantiateVariableFont(font, {"wght": weight, "wdth": 100}, inplace=True)
    font.save(path)
