"""Which laws and circulars end soon, and what stands on them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from services.intake.domain.catalogue import Catalogue
from services.intake.domain.published import ending
from services.intake.domain.versions import over


class EndingBasis(NamedTuple):
    """A legal basis, its last day, and the versions (code, version, name) that name it."""

    name: str
    ends_on: date
    versions: tuple[tuple[str, int, str], ...]


def ending_bases(catalogue: Catalogue, today: date) -> list[EndingBasis]:
    """The legal bases that have ended or end within 60 days under a version that still takes dossiers, or will.

    Those that only a province names count too. The first to end comes first.
    """
    standing = defaultdict[tuple[date, str], dict[tuple[str, int], str]](dict)
    for procedure in catalogue.everywhere(today):
        for basis in ending(procedure, today):
            if basis.valid_to is not None and not over(procedure, today):
                standing[basis.valid_to, basis.name][procedure.code, procedure.version] = procedure.name
    return [
        EndingBasis(name, ends_on, tuple((*key, title) for key, title in sorted(versions.items())))
        for (ends_on, name), versions in sorted(standing.items())
    ]
