"""Who takes part in a journey: a citizen, an officer, and the citizen's browser on the gateway's page."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpdf import FPDF

from deploy.local.layout import Layout
from motcua.patient import JourneyError, Patient, told

PERSONAS = Path(__file__).resolve().parents[1] / "deploy" / "sandbox" / "oidc" / "personas.json"
SEX = {"female": "nữ", "male": "nam"}
DECLINED, GOOD = "4000000000000002", "4242424242424242"


@dataclass
class Actor:
    """Somebody who is signed in and talks to the services."""

    layout: Layout
    http: Patient
    username: str
    token: str = ""

    def ask(self, method: str, service: str, path: str, **kwargs: Any) -> Any:
        """The JSON or text of a good answer. Raises JourneyError with the reason of any other."""
        answer = self.send(method, service, path, **kwargs)
        if answer.status_code >= 400:
            raise JourneyError(f"{method} {path} ({service}): {answer.status_code} {told(answer)}")
        kind = answer.headers.get("content-type", "")
        return answer.json() if "json" in kind else answer.text

    def find(self, service: str, path: str) -> Any | None:
        """The answer, or None as long as there is nothing there."""
        answer = self.send("GET", service, path)
        if answer.status_code == 404:
            return None
        if answer.status_code >= 400:
            raise JourneyError(f"GET {path} ({service}): {answer.status_code} {told(answer)}")
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text

    def send(self, method: str, service: str, path: str, headers: dict[str, str] | None = None, **kwargs: Any) -> Any:
        if not self.token:
            self.token = self._sign_in()
        everything = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        answer = self.http.send(method, f"{self.layout.url(service)}{path}", headers=everything, **kwargs)
        if answer.status_code == 401:
            self.token = self._sign_in()
            everything["Authorization"] = f"Bearer {self.token}"
            answer = self.http.send(method, f"{self.layout.url(service)}{path}", headers=everything, **kwargs)
        return answer

    def _sign_in(self) -> str:
        answer = self.http.send(
            "POST",
            f"{self.layout.url('oidc')}/token",
            data={
                "grant_type": "password",
                "client_id": "motcua-cli",
                "username": self.username,
                "password": persona(self.username)["password"],
                "scope": "openid profile",
            },
        )
        if answer.status_code != 200:
            raise JourneyError(f"đăng nhập {self.username} không được · cannot sign in: {told(answer)}")
        return str(answer.json()["access_token"])


def persona(username: str) -> dict[str, Any]:
    """A fictional person of the sandbox."""
    people = json.loads(PERSONAS.read_text("utf-8"))["personas"]
    return next(person for person in people if person["username"] == username)


def licence_form(username: str) -> dict[str, Any]:
    """The form for exchanging a driving licence, as this person fills it in."""
    person = persona(username)
    typed = person["form"]
    return {
        "procedure": "1.002809",
        "agency": "G09.20",
        "applicant": {
            "name": person["name"],
            "citizen_id": typed["citizen_id"],
            "birth_date": typed["birth_date"],
            "sex": SEX[typed["sex"]],
            "phone": typed["phone"],
            "email": typed["email"],
        },
        "details": {"licence_number": "010190012345", "licence_class": "B", "reason": "hết hạn"},
    }


def result_file(number: str) -> bytes:
    """A result's document as an agency scans it: a PDF of one page."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=16)
    pdf.cell(text=f"Ket qua / result {number}")
    return bytes(pdf.output())


@dataclass
class Browser:
    """The citizen's browser on the gateway's page: it types a card and presses the button."""

    http: Patient

    def pay(self, url: str, card: str) -> str:
        """What the page answers: `paid`, or `declined` with the page still open."""
        form = {"card_number": card, "card_expiry": "12/34", "card_cvc": "123"}
        answer = self.http.send("POST", url, data=form)
        if answer.status_code == 303:
            return "paid"
        if answer.status_code == 402:
            return "declined"
        raise JourneyError(f"trang thanh toán trả lời · the payment page answers {answer.status_code}")


def new_key() -> str:
    """An Idempotency-Key for one new request."""
    return str(uuid.uuid4())
