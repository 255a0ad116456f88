"""Stripe's API over HTTP: what was done is held against its shape, once for the breaker and for whoever reads it."""

from __future__ import annotations

from typing import Self

import httpx
import pytest
from pydantic import model_validator

from chassis.errors import Unanswered
from services.payments.adapters.stripe_http import Api
from services.payments.adapters.stripe_objects import Shape


class Thing(Shape):
    id: str


def api(response: httpx.Response) -> Api:
    return Api(httpx.AsyncClient(transport=httpx.MockTransport(lambda _: response), base_url="http://g"))


async def test_an_answer_is_held_against_its_shape_once() -> None:
    held = list[str]()

    class Counted(Thing):
        @model_validator(mode="after")
        def _held(self) -> Self:
            held.append(self.id)
            return self

    asked = api(httpx.Response(200, json={"id": "re_1"}))
    assert (await asked.get("/v1/refunds/re_1", {}, Counted)).id == "re_1"
    posted = await asked.post("/v1/refunds", {}, "key", Counted)
    assert posted.told is not None
    assert held == [posted.told.id] * 2


@pytest.mark.parametrize("told", [{"id": 7}, {"error": {"type": "invalid_request_error"}}, [], "re_1"])
async def test_what_has_another_shape_is_no_answer(told: object) -> None:
    asked = api(httpx.Response(200, json=told))
    with pytest.raises(Unanswered, match="tells no Thing"):
        await asked.get("/v1/refunds/re_1", {}, Thing)
    with pytest.raises(Unanswered, match="tells no Thing"):
        await asked.post("/v1/refunds", {}, "key", Thing)


async def test_a_refusal_tells_nothing_and_says_why() -> None:
    asked = api(httpx.Response(400, json={"error": {"type": "invalid_request_error", "code": "amount_too_large"}}))
    answer = await asked.post("/v1/refunds", {}, "key", Thing)
    assert (answer.told, answer.code, answer.is_kept_failure) == (None, "amount_too_large", False)
    with pytest.raises(Unanswered, match="400 amount_too_large"):
        await asked.get("/v1/refunds/re_1", {}, Thing)
