"""What has its effect once, though an answer got lost."""

from __future__ import annotations

import json
import unittest

from holdfast import HoldfastError

from .scripted_api import ScriptedApi, answer, no_answer, problem

CLIENT_ID = "3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11"
REGISTERED = answer(201, {"clientId": CLIENT_ID, "name": "tab", "topics": [], "connect": {"url": None, "urls": []}})


class Register(unittest.TestCase):
    def test_takes_the_place_of_a_client_whose_registration_was_not_answered(self) -> None:
        with ScriptedApi(no_answer, problem("name-taken"), answer(200, {}), REGISTERED) as api:
            self.assertEqual(api.holdfast.register(name="tab").client_id, CLIENT_ID)
            ids = {json.loads(call.body)["clientId"] for call in api.calls if call.line == "POST /v1/clients"}
            self.assertEqual(len(ids), 1)
            removed = f"DELETE /v1/clients/{ids.pop()}"
            lines = ["POST /v1/clients", "POST /v1/clients", removed, "POST /v1/clients"]
            self.assertEqual([call.line for call in api.calls], lines)

    def test_leaves_the_client_of_another_alone(self) -> None:
        with ScriptedApi(problem("name-taken")) as api:
            with self.assertRaisesRegex(HoldfastError, "name-taken"):
                api.holdfast.register(name="tab")
            self.assertEqual(len(api.calls), 1)
        with ScriptedApi(no_answer, problem("client-exists")) as api:
            with self.assertRaisesRegex(HoldfastError, "client-exists"):
                api.holdfast.register(client_id=CLIENT_ID)
            self.assertEqual(len(api.calls), 2)


class Remove(unittest.TestCase):
    def test_what_an_attempt_before_has_removed_is_gone(self) -> None:
        with ScriptedApi(no_answer, problem("user-not-found"), no_answer, problem("topic-not-found")) as api:
            api.holdfast.unregister(CLIENT_ID)
            api.holdfast.delete_topic("news")
            self.assertEqual(len(api.calls), 4)

    def test_what_was_not_there_is_an_error(self) -> None:
        with ScriptedApi(problem("user-not-found"), problem("topic-not-found")) as api:
            with self.assertRaisesRegex(HoldfastError, "user-not-found"):
                api.holdfast.unregister(CLIENT_ID)
            with self.assertRaisesRegex(HoldfastError, "topic-not-found"):
                api.holdfast.delete_topic("news")
