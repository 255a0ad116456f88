"""Publication: each version of a procedure is said once, and never an older one after a newer one."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import procedures
from services.intake.domain.publication import Publication, Publish, publish
from tests.forms import PROCEDURE
from tests.records import NOON


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20))
def test_versions_are_said_once_and_in_order_however_often_services_start(versions: list[int]) -> None:
    publication: Publication | None = None
    said: list[int] = []
    for version in versions:
        offered = PROCEDURE.model_copy(update={"version": version})
        decision = publish(publication, Publish(procedure=offered), NOON)
        if decision is not None:
            publication = decision.state
            (event,) = decision.events
            assert isinstance(event, procedures.Published)
            said.append(event.version)
    assert all(earlier < later for earlier, later in pairwise(said))
    assert said[-1] == max(versions)
    assert publication is not None
    assert publication.procedure_version == max(versions)


def test_the_first_version_is_said_as_the_catalogue_has_it() -> None:
    decision = publish(None, Publish(procedure=PROCEDURE), NOON)
    assert decision is not None
    assert decision.events == (PROCEDURE.published(),)
