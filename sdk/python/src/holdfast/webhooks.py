"""Webhooks: requests of Holdfast that tell what happened (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Iterable, Literal, Optional, Protocol, Sequence, Union

from .protocol import EVENT_DATA, EventData, EventType

# How far the clock of the sender may be from ours, either way.
TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"
SCHEME = "v1,"

# "signature": it is not from Holdfast, or was changed. "timestamp": it is too old or too new. "malformed": it is no webhook.
WebhookErrorCode = Literal["signature", "timestamp", "malformed"]


class WebhookError(Exception):
    """A request that must not be believed: answer it with 400."""

    def __init__(self, code: WebhookErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: WebhookErrorCode = code

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is unpickled by `args` alone otherwise, which is the message.
        return WebhookError, (self.code, self.args[0])


class Headers(Protocol):
    """A mapping, or the headers of http.server, Flask, Django and others."""

    def items(self) -> Iterable[tuple[str, str]]: ...


@dataclass(frozen=True)
class Event:
    # The same when it is sent again: an event that was dealt with is known by it.
    id: str
    type: Union[EventType, str]
    # When it happened.
    timestamp: datetime
    # Of the class of its type, such as ClientConnected.
    data: EventData


@dataclass(frozen=True)
class Webhook:
    # The same on every try.
    id: str
    # In order; one, or those of a batch.
    events: list[Event]


def verify_webhook(headers: Headers, body: bytes, secret: Union[str, Sequence[str]]) -> Webhook:
    """Verifies a webhook and gives its events. Raises WebhookError for one that must not be believed.

    headers: of the request, in any case of letters.
    body: as it came, before anything parsed it: JSON that was written anew has another signature.
    secret: that of the endpoint, `whsec_…`; several while it is being changed. Raises ValueError for one that is none.
    """
    keys = [_key_of(each) for each in ([secret] if isinstance(secret, str) else secret)]
    known = {name.lower(): value for name, value in headers.items()}
    webhook_id = _header(known, "webhook-id")
    timestamp = _header(known, "webhook-timestamp")
    signed = f"{webhook_id}.{timestamp}.".encode("utf-8", "replace") + body
    expected = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    given = [_signature_of(each) for each in _header(known, "webhook-signature").split(" ")]
    # All are compared, so that the time tells nothing.
    if not any([hmac.compare_digest(one, each) for one in expected for each in given if each is not None]):
        raise WebhookError("signature", "no signature is right")
    if not re.fullmatch(r"[0-9]{1,15}", timestamp) or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookError("timestamp", f"it is not from the last {TOLERANCE_SECONDS} s")
    return Webhook(webhook_id, _events_of(webhook_id, body))


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(SECRET_PREFIX) or not key:
        raise ValueError("a secret is whsec_ and base64")
    return key


def _signature_of(text: str) -> Optional[bytes]:
    if not text.startswith(SCHEME):
        return None
    try:
        return base64.b64decode(text[len(SCHEME) :], validate=True)
    except (binascii.Error, ValueError):
        return None


def _header(headers: dict[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise WebhookError("malformed", f"the header {name} is missing")
    return value


def _events_of(webhook_id: str, body: bytes) -> list[Event]:
    try:
        value = json.loads(body)
        if value["type"] != "batch":
            return [_event_of({"id": webhook_id, **value})]
        return [_event_of(each) for each in value["data"]["events"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WebhookError("malformed", f"the body is no event: {error!r}") from error


def _event_of(value: Any) -> Event:
    decode = EVENT_DATA.get(value["type"], lambda data: data)
    # Before Python 3.11 it takes no "Z".
    timestamp = datetime.fromisoformat(value["timestamp"].replace("Z", "+00:00"))
    return Event(value["id"], value["type"], timestamp, decode(value["data"]))
