"""What notifications is told by its environment, beyond what every service is told."""

from __future__ import annotations

from datetime import time

from pydantic import Field, SecretStr

from chassis.settings import Settings as Common


class Settings(Common):
    """`contacts_key` opens contacts.v1; `public_url` is where the citizen's links lead."""

    contacts_key: SecretStr
    public_url: str
    sms_url: str
    sms_token: SecretStr
    sms_receipt_secret: SecretStr
    sms_brand: str = Field(default="MOTCUA", min_length=1, max_length=11, description="the sender that phones show")
    smtp_host: str
    smtp_port: int
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: str = "khong-tra-loi@motcua.example"
    mail_from_name: str = "Một cửa"
    quiet_begins: time = Field(default=time(22), description="no SMS from here, Vietnam time (NĐ 91/2020)")
    quiet_ends: time = Field(default=time(7), description="to here; the same as quiet_begins: no quiet hours at all")
    desk_seats: int = Field(default=2, ge=1, description="citizens served side by side at each place")
    booking_days: int = Field(default=30, ge=1, description="working days that bookings look ahead")
