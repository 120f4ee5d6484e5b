"""Every call, on an installation: HOLDFAST_CONTROL_URL and HOLDFAST_KEY name it, and HOLDFAST_TOKEN_KEYS a file with a list
of private JSON Web Keys, one of an API key each."""

from __future__ import annotations

import json
import os
import time
import unittest
import urllib.error
import urllib.request
import uuid
from typing import Any, ClassVar

from holdfast import Holdfast, HoldfastError, Message, PresenceOptions, RegisterMay, TokenIssuer, TokenMay

CONTROL_URL = os.environ.get("HOLDFAST_CONTROL_URL", "")


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def register_by_token(token: str) -> tuple[int, dict[str, Any]]:
    """As a page does."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{CONTROL_URL}/v1/clients", b"{}", headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@unittest.skipUnless(CONTROL_URL, "HOLDFAST_CONTROL_URL names no installation")
class Installation(unittest.TestCase):
    holdfast: ClassVar[Holdfast]

    @classmethod
    def setUpClass(cls) -> None:
        cls.holdfast = Holdfast(CONTROL_URL, os.environ["HOLDFAST_KEY"])

    @classmethod
    def tearDownClass(cls) -> None:
        cls.holdfast.close()

    def code_of(self, call: Any, *args: Any, **named: Any) -> str:
        with self.assertRaises(HoldfastError) as raised:
            call(*args, **named)
        return str(raised.exception.code)

    def test_topics_and_messages(self) -> None:
        holdfast, name = self.holdfast, unique("python")
        topic = holdfast.create_topic(name, history_size=10, expire_seconds=3600, presence=PresenceOptions(by="client"))
        self.assertEqual((topic.topic, topic.history.size, topic.history.seconds), (name, 10, 300))
        self.assertEqual((topic.expire_seconds, topic.presence and topic.presence.limit), (3600, 1000))
        same = holdfast.create_topic(name, history_seconds=60, expire_seconds=None)
        self.assertEqual((same.history.size, same.history.seconds, same.expire_seconds), (10, 60, None))
        self.assertIsNotNone(same.presence)
        self.assertIsNone(holdfast.create_topic(name, presence=None).presence)

        first = holdfast.publish(name, {"home": 2, "text": "Ünïcode"}, idempotency_key=name)
        self.assertEqual(holdfast.publish(name, {"home": 2, "text": "Ünïcode"}, idempotency_key=name), first)
        self.assertEqual(self.code_of(holdfast.publish, name, "another", idempotency_key=name), "idempotency-conflict")
        good, bad = holdfast.publish_many([Message([name], None), Message([name, unique("none")], 2)])
        self.assertTrue(good.ok)
        self.assertGreater(good.ids[name], first.id)
        self.assertEqual((bad.ok, bad.code), (False, "topic-not-found"))

        holdfast.delete_topic(name)
        self.assertEqual(self.code_of(holdfast.delete_topic, name), "topic-not-found")
        self.assertEqual(self.code_of(holdfast.publish, name, 1), "topic-not-found")

    def test_clients_and_users(self) -> None:
        holdfast, name, user = self.holdfast, unique("python"), unique("ann/é")
        holdfast.create_topic(name)
        may = RegisterMay(subscribe=[name], presence=[])
        client = holdfast.register(name=user, user=user, topics=[name], info={"age": 7}, may=may, client_expiry_seconds=60)
        self.assertEqual((client.name, client.topics), (user, [name]))
        self.assertTrue(client.connect.urls)
        details = holdfast.get_client(client.client_id)
        self.assertEqual((details.user, details.info, details.client_expiry_seconds), (user, {"age": 7}, 60))
        self.assertEqual((details.may and details.may.subscribe, details.may and details.may.presence), ([name], []))
        self.assertLess(abs(time.time() - details.registered_at.timestamp()), 60)
        self.assertEqual((details.connected, details.served, details.expires_at), (False, None, None))
        self.assertEqual(self.code_of(holdfast.register, name=user), "name-taken")

        self.assertEqual(holdfast.unsubscribe(client.client_id, [name]).topics, [])
        self.assertEqual(holdfast.subscribe(client.client_id, [name]).topics, [name])
        self.assertEqual(holdfast.publish_to_user(user, 1).topic, "@user")
        self.assertEqual(holdfast.publish_to_client(client.client_id, 2).topic, "@me")
        self.assertEqual(self.code_of(holdfast.publish_to_user, unique("none"), 1), "no-such-user")
        found = holdfast.get_user(user)
        self.assertEqual((found.user, found.connected, found.clients, found.connections), (user, False, 1, 0))
        gone = holdfast.disconnect_user(user)
        self.assertEqual((gone.clients, gone.connections), (1, 0))
        self.assertEqual(self.code_of(holdfast.presence, name), "presence-off")
        holdfast.create_topic(name, presence=PresenceOptions())
        page = holdfast.presence(name, limit=10)
        self.assertEqual((page.count, page.members, page.cursor), (0, [], None))

        holdfast.unregister(client.client_id)
        self.assertEqual(self.code_of(holdfast.unregister, client.client_id), "user-not-found")
        self.assertEqual(self.code_of(holdfast.get_client, client.client_id), "client-not-found")

    def test_what_is_wrong_is_named(self) -> None:
        with self.assertRaises(HoldfastError) as raised:
            self.holdfast.create_topic("python", history_size=-1)
        problem = raised.exception.problem
        assert problem is not None and problem.errors is not None
        self.assertEqual([error.field for error in problem.errors], ["body.history.size"])
        with Holdfast(CONTROL_URL, "nobody.secret") as other:
            self.assertEqual(self.code_of(other.create_topic, "python"), "key-unknown")

    def test_a_token_of_each_algorithm_registers_until_it_is_revoked(self) -> None:
        with open(os.environ["HOLDFAST_TOKEN_KEYS"], encoding="utf-8") as file:
            keys = json.load(file)
        self.assertGreaterEqual(len(keys), 1)
        topic = unique("python")
        self.holdfast.create_topic(topic)
        for key in keys:
            user = unique("token")
            issuer = TokenIssuer(key)
            # The claim `iat` has seconds: what is revoked must be of one before.
            token = issuer.issue(user, topics=[topic], client="tab", info="hi", may=TokenMay(publish=["chat.*"]))
            status, client = register_by_token(token)
            self.assertEqual((status, client.get("name"), client.get("topics")), (201, "tab", [topic]), key["kid"])
            details = self.holdfast.get_client(client["clientId"])
            self.assertEqual((details.user, details.info), (user, "hi"))
            self.assertIsNotNone(details.expires_at)
            time.sleep(1.1)
            self.assertEqual(self.holdfast.revoke_user(user).clients, 1)
            status, refused = register_by_token(token)
            self.assertEqual((status, refused["code"]), (403, "token-revoked"))
