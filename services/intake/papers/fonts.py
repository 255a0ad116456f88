"""The letters of the papers: static cuts of the variable Noto Sans, made once a process.

A PDF embeds a static font, and cutting one out of a variable font takes a third of a second: too long for each paper.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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
# Latin with all of Vietnamese, Greek, Cyrillic, punctuation, currencies, letter-like signs.
_LETTERS = ((0x20, 0x530), (0x1E00, 0x1F00), (0x2000, 0x2070), (0x20A0, 0x20C0), (0x2100, 0x2150))


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="motcua-fonts-")


@cache
def cuts() -> dict[str, Path]:
    """The font's file by style: regular, bold, italic."""
    return {style: _cut(style, *cut) for style, cut in _CUTS.items()}


def _cut(style: str, file: str, weight: int) -> Path:
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
    path = Path(_folder().name) / f"{FAMILY}{style}.ttf"
    font.save(path)
    return path
