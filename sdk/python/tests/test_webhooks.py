from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
import unittest
from datetime import datetime, timezone
from email.message import Message
from typing import Optional, Sequence, Union

from holdfast import Member, MemberJoined, WebhookError, verify_webhook

SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
# Spaces and escapes as no serializer would write them.
BODY = (
    b'{"type":"member.joined", "timestamp":"2026-11-28T10:00:00.000Z",'
    b'"data":{"topic":"chat.lobby","member":{"id":"\\u0061nn","info":1.0},"count":1,"version":7}}'
)
# Of the page of Standard Webhooks: what every library makes of it.
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def signed(body: bytes = BODY, *, secret: str = SECRET, at: Optional[float] = None, id: str = "event-1") -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret[len("whsec_") :])
    signature = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Webhook-Id": id,
        "webhook-timestamp": timestamp,
        "Webhook-Signature": "v1," + base64.b64encode(signature).decode(),
    }


def code_of(headers: dict[str, str], body: bytes = BODY, secret: Union[str, Sequence[str]] = SECRET) -> Optional[str]:
    try:
        verify_webhook(headers, body, secret)
        return None
    except WebhookError as error:
        return error.code


class VerifyWebhook(unittest.TestCase):
    def test_gives_the_event_of_any_kind_of_headers(self) -> None:
        message = Message()
        for name, value in signed().items():
            message[name] = value
        for headers in (signed(), message):
            webhook = verify_webhook(headers, BODY, SECRET)
            self.assertEqual(webhook.id, "event-1")
            [event] = webhook.events
            self.assertEqual((event.id, event.type), ("event-1", "member.joined"))
            self.assertEqual(event.timestamp, datetime(2026, 11, 28, 10, tzinfo=timezone.utc))
            self.assertEqual(event.data, MemberJoined("chat.lobby", Member("ann", 1.0), 1, 7))

    def test_signs_as_standard_webhooks_does(self) -> None:
        secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
        # The signature is right: it is the time that is not.
        self.assertEqual(code_of(VECTOR, body, secret), "timestamp")
        self.assertEqual(code_of(VECTOR, body + b" ", secret), "signature")

    def test_gives_the_events_of_a_batch_each_with_its_own_id(self) -> None:
        events = [
            {"id": "a", "type": "topic.occupied", "timestamp": "2026-11-28T10:00:00.000Z", "data": {"topic": "news"}},
            {"id": "b", "type": "from.the.future", "timestamp": "2026-11-28T10:00:00.000Z", "data": {"new": True}},
        ]
        body = json.dumps({"type": "batch", "timestamp": "2026-11-28T10:00:00.000Z", "data": {"events": events}}).encode()
        webhook = verify_webhook(signed(body, id="batch-1"), body, SECRET)
        self.assertEqual([(event.id, event.type) for event in webhook.events], [("a", "topic.occupied"), ("b", "from.the.future")])
        self.assertEqual(webhook.events[1].data, {"new": True})

    def test_refuses_what_was_changed(self) -> None:
        self.assertIsNone(code_of(signed()))
        self.assertEqual(code_of(signed(), json.dumps(json.loads(BODY)).encode()), "signature")
        changes = [
            ("Webhook-Id", "event-2"),
            ("webhook-timestamp", str(int(time.time()) + 1)),
            ("Webhook-Signature", "v1,AAAA"),
            ("Webhook-Signature", "v1,not base64"),
            ("Webhook-Signature", signed()["Webhook-Signature"].replace("v1,", "v2,")),
        ]
        for name, value in changes:
            self.assertEqual(code_of({**signed(), name: value}), "signature", name)
        self.assertEqual(code_of({}), "malformed")
        for body in (b"not JSON", b"[]", b"{}", b'{"type":"batch","data":{}}', b'{"type":"topic.occupied","data":{}}', b"\xff"):
            self.assertEqual(code_of(signed(body), body), "malformed", body)

    def test_refuses_one_that_is_more_than_five_minutes_old_or_from_as_far_in_the_future(self) -> None:
        codes = [code_of(signed(at=time.time() + 60 * minutes)) for minutes in (-5.1, -4.9, 4.9, 5.1)]
        self.assertEqual(codes, ["timestamp", None, None, "timestamp"])

    def test_takes_either_secret_while_one_is_being_changed_on_both_sides(self) -> None:
        old = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        given = signed(secret=old)
        self.assertEqual(code_of(given), "signature")
        self.assertIsNone(code_of(given, secret=[SECRET, old]))
        both = f"{given['Webhook-Signature']} {signed()['Webhook-Signature']}"
        self.assertIsNone(code_of({**given, "Webhook-Signature": both}))
        for secret in ("whsec_", "a password", "whsec_*"):
            with self.assertRaises(ValueError):
                verify_webhook(given, BODY, secret)
