"""Whatever a request of any service can be wrong in, it is told in words of its own: never only that it is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from pydantic_core.core_schema import ErrorType

from chassis import mistakes
from chassis.service import Service
from chassis.settings import Settings
from services.intake.main import intake
from services.intake.settings import IntakeSettings
from services.notifications.main import notifications
from services.notifications.settings import Settings as NotificationsSettings
from services.payments.main import payments
from services.payments.settings import PaymentsSettings
from services.status.main import status

NOWHERE, SEAL = "http://127.0.0.1:9", "A" * 43
COMMON = {
    "database_url": "postgresql://nobody@127.0.0.1:9/nothing", "kafka_user": "nobody", "kafka_password": "unused",
    "http_port": 1, "oidc_issuer": NOWHERE, "instance": "test",
}  # fmt: skip
ALWAYS = ("missing", "extra_forbidden", "json_invalid")
COMPARED = ("greater_than", "greater_than_equal", "less_than", "less_than_equal")
KINDS: dict[str, tuple[str, ...]] = {
    "str": ("string_type", "string_unicode", "string_too_short", "string_too_long", "string_pattern_mismatch"),
    "int": ("int_type", "int_parsing", "int_parsing_size", "int_from_float", "finite_number", *COMPARED),
    "bool": ("bool_type", "bool_parsing"),
    "date": (
        "date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact", *COMPARED,
    ),
    "datetime": ("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware", *COMPARED),
    "uuid": ("uuid_type", "uuid_parsing"),
    "literal": ("literal_error",),
    "enum": ("enum",),
    "list": ("list_type", "too_short", "too_long"),
    "tuple": ("tuple_type", "too_short", "too_long"),
    "dict": ("dict_type", "too_short", "too_long"),
    "model": ("model_type", "model_attributes_type"),
    "tagged-union": ("union_tag_invalid", "union_tag_not_found"),
}  # fmt: skip
"""What pydantic can say of JSON and of text where a field is of this kind of its schema."""
HOLDS_OTHERS = {"any", "default", "nullable", "union", "model-field", "model-fields", "function-after", "no-info"}


def services(folder: Path) -> list[Service]:
    gateway = {
        "gateway_url": NOWHERE,
        "gateway_secret_key": "sk",
        "gateway_webhook_secret": "whsec",
        "return_url": NOWHERE,
    }
    sms = {
        "sms_url": NOWHERE,
        "sms_token": "token",
        "sms_receipt_secret": "secret",
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
    }
    people = {"contacts_key": SEAL, "public_url": NOWHERE}
    return [
        intake(IntakeSettings.model_validate({**COMMON, **people, "documents_url": folder.as_uri()})),
        payments(PaymentsSettings.model_validate({**COMMON, **gateway})),
        notifications(NotificationsSettings.model_validate({**COMMON, **people, **sms})),
        status(Settings.model_validate(COMMON)),
    ]


def fields_of(route: APIRoute) -> Iterator[Any]:
    """All that a request to it is made of."""
    waiting: list[Dependant] = [route.dependant]
    while waiting:
        asked = waiting.pop()
        yield from (*asked.path_params, *asked.query_params, *asked.header_params, *asked.cookie_params)
        waiting += asked.dependencies
    if route.body_field is not None:
        yield route.body_field


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for name, part in schema.items():
            if name not in ("metadata", "serialization"):
                yield from nodes(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from nodes(part)


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every part of every request."""
    told = list[dict[str, Any]]()
    for service in services(tmp_path_factory.mktemp("documents")):
        for route in (route for router in service.routes for route in router.routes if isinstance(route, APIRoute)):
            for field in fields_of(route):
                form: Any = Annotated[field.field_info.annotation, field.field_info]
                told += nodes(TypeAdapter(form).core_schema)
    return told


def test_every_kind_of_field_is_known_here(schemas: list[dict[str, Any]]) -> None:
    kinds = {each["type"] for each in schemas}
    assert kinds <= KINDS.keys() | HOLDS_OTHERS
    assert {"str", "int", "dict", "datetime", "tagged-union"} <= kinds
    assert {error for errors in KINDS.values() for error in errors} <= set(get_args(ErrorType))


def test_whatever_can_be_wrong_has_words_of_its_own_in_both_languages(schemas: list[dict[str, Any]]) -> None:
    kinds = {each["type"] for each in schemas} - HOLDS_OTHERS
    possible = {*ALWAYS, *(error for kind in kinds for error in KINDS[kind])}
    bounds = dict.fromkeys(("gt", "ge", "lt", "le", "min_length", "max_length"), 7)
    (nothing,) = mistakes.field_errors([{"type": "nothing that pydantic says", "loc": ("body", "it")}])
    for error in sorted(possible):
        (told,) = mistakes.field_errors([{"type": error, "loc": ("body", "it"), "ctx": bounds}])
        assert told["vi"] != nothing["vi"], f"{error} is told as nothing in particular"
        assert told["en"] != nothing["en"]
        assert "{" not in (told["vi"] + told["en"]).replace("{ }", ""), error


def test_a_validator_of_ours_says_itself_what_is_wrong(schemas: list[dict[str, Any]]) -> None:
    """A ValueError would be told as nothing in particular (`mistakes.mistake`). Measuring a text's length is pydantic's own."""
    functions = {each["function"]["function"] for each in schemas if each["type"].startswith("function-")}
    ours = {function for function in functions if not isinstance(function, partial)}
    assert {"_of_our_times", "_one", "_in_nfc"} <= {function.__name__ for function in ours}
    for function in ours:
        assert "ValueError" not in inspect.getsource(function), function
    assert {each.func.__name__ for each in functions - ours} <= {"min_length_validator", "max_length_validator"}
