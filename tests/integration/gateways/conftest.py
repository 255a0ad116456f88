"""A gateway that the claims of one file share: a process takes longer to start than most claims to be shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.gateways.harnesses import HARNESSES
from tests.integration.gateways.merchant import Merchant


@pytest.fixture(scope="module", params=HARNESSES)
async def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Merchant]:
    async with HARNESSES[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture
def merchant(shared: Merchant) -> Merchant:
    shared.begins_anew()
    return shared
