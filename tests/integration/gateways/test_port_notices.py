"""What every gateway's adapter must keep to (domain/gateway.py) when it hears notices, over its sandbox as a real process."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from structlog.testing import capture_logs

from chassis.clock import utc_now
from chassis.errors import Refusal
from services.payments.domain.gateway import UnknownCode
from services.payments.domain.tidings import Ring
from tests.integration.gateways.claims import paid, tidings, told
from tests.integration.gateways.merchant import Merchant, wanted


async def test_copies_of_a_notice_are_one_event(merchant: Merchant) -> None:
    """So that each is worked off once, whoever sent it again."""
    await merchant.arm("notice_duplicated", times=100)
    request = wanted(merchant)
    await paid(merchant, request)
    heard: dict[str, Ring] = {}
    for number in count(1):
        ring = merchant.gateway.hear(*(await merchant.rings(number))[-1], utc_now())
        if tidings(merchant, ring, request):
            if ring.event_id in heard:
                break
            heard[ring.event_id] = ring
    assert merchant.gateway.tell(ring) == merchant.gateway.tell(heard[ring.event_id])
    assert await merchant.fired("notice_duplicated") >= 1


async def test_a_notice_that_is_forged_unsigned_changed_or_too_old_is_refused(merchant: Merchant) -> None:
    request = wanted(merchant)
    await paid(merchant, request)
    notice, _, _ = await told(merchant, request)
    forged = merchant.forged(*notice)
    assert len(forged) >= 3
    for body, headers in [*forged, (b"", notice[1]), (notice[0] + b"x", notice[1]), (notice[0][:-1], notice[1])]:
        with pytest.raises(Refusal) as refusal:
            merchant.gateway.hear(body, headers, utc_now())
        assert refusal.value.status == 400


async def test_an_event_of_a_type_that_nobody_knows_tells_nothing(merchant: Merchant) -> None:
    request = wanted(merchant)
    await paid(merchant, request)
    _, ring, _ = await told(merchant, request)
    assert list(merchant.gateway.tell(replace(ring, kind="sandbox.unheard_of"))) == []


async def test_a_notice_whose_code_nobody_documented_is_said_aloud_and_brings_no_money(merchant: Merchant) -> None:
    """It is kept with its error, or makes us ask."""
    request = wanted(merchant)
    await paid(merchant, request)
    notice, genuine, _ = await told(merchant, request)
    misworded = merchant.misworded_notices(*notice)
    assert misworded
    for body, headers in misworded:
        ring = merchant.gateway.hear(body, headers, utc_now())
        assert ring.body != genuine.body
        with capture_logs() as logs:
            try:
                tidings = merchant.gateway.tell(ring)
            except UnknownCode:
                continue
        assert [each["log_level"] for each in logs] == ["error"]
        assert [(each.attempt_id, each.captured) for each in tidings] == [(request.attempt_id, None)]
