from __future__ import annotations

import json
import threading
import unittest
from typing import Any

from holdfast import BatchOutcome, HoldfastError, Message

from .scripted_api import Answer, Call, ScriptedApi, answer, no_answer, problem

MESSAGES = [Message([topic], topic) for topic in "abc"]


def ok(topic: str, message_id: str = "1-0") -> dict[str, Any]:
    return {"ok": True, "ids": {topic: message_id}}


def failed(code: str) -> dict[str, Any]:
    return {"ok": False, "ids": {}, "code": code, "detail": f"why {code}", "topics": ["a"]}


def results(*given: dict[str, Any]) -> Answer:
    return answer(202, {"results": given})


def all_ok(handler: Any, call: Call) -> None:
    count = len(json.loads(call.body)["messages"])
    results(*(ok("a", f"{index}-0") for index in range(count)))(handler, call)


def sent(call: Call) -> list[tuple[str, str]]:
    return [(message["topics"][0], message["idempotencyKey"]) for message in json.loads(call.body)["messages"]]


class PublishMany(unittest.TestCase):
    def test_sends_again_under_the_same_key_only_what_may_succeed_in_a_moment(self) -> None:
        first = results(ok("a"), failed("redis-unavailable"), failed("topic-not-found"))
        with ScriptedApi(no_answer, first, results(ok("b"))) as api:
            outcomes = api.holdfast.publish_many(MESSAGES)
            expected = [ok("a"), ok("b"), failed("topic-not-found")]
            self.assertEqual(outcomes, [BatchOutcome.from_json(each) for each in expected])
            one, two, three = (sent(call) for call in api.calls)
            self.assertEqual([two, three], [one, [one[1]]])
            self.assertEqual(len({key for _, key in one}), 3)

    def test_says_of_each_what_became_of_it_when_the_attempts_are_over(self) -> None:
        given = [ok("a"), failed("redis-unavailable"), ok("c")]
        with ScriptedApi(results(*given), no_answer, attempts=2) as api:
            self.assertEqual(api.holdfast.publish_many(MESSAGES), [BatchOutcome.from_json(each) for each in given])

    def test_raises_when_nothing_was_sent(self) -> None:
        for given, code in ((problem("key-unknown"), "key-unknown"), (results(), "unexpected-answer")):
            with ScriptedApi(given) as api:
                with self.assertRaises(HoldfastError) as raised:
                    api.holdfast.publish_many(MESSAGES)
                self.assertEqual(raised.exception.code, code)

    def test_a_later_call_that_fails_is_an_outcome(self) -> None:
        with ScriptedApi(all_ok, problem("key-unknown")) as api:
            outcomes = api.holdfast.publish_many([Message(["a"], 1)] * 1001)
            self.assertEqual([outcomes[999].ok, outcomes[1000].code], [True, "key-unknown"])
            self.assertEqual(outcomes[1000].topics, ["a"])

    def test_makes_calls_of_at_most_1000_messages_and_16_mib_and_none_for_no_message(self) -> None:
        with ScriptedApi(*[all_ok] * 4) as api:
            small = api.holdfast.publish_many(Message(["a"], 1) for _ in range(1001))
            self.assertEqual([outcome.ids["a"] for outcome in small[-2:]], ["999-0", "0-0"])
            # Three bytes each in UTF-8.
            api.holdfast.publish_many([Message(["a"], "€" * 20_000)] * 300)
            self.assertEqual(api.holdfast.publish_many([]), [])
            self.assertEqual([len(sent(call)) for call in api.calls], [1000, 1, 278, 22])
            self.assertTrue(all(len(call.body) < 16 * 1024 * 1024 for call in api.calls))

    def test_ends_when_it_is_cancelled(self) -> None:
        cancelled = threading.Event()
        with ScriptedApi(all_ok) as api:
            cancelled.set()
            with self.assertRaisesRegex(HoldfastError, "cancelled"):
                api.holdfast.with_options(cancelled=cancelled).publish_many(MESSAGES)
            self.assertEqual(api.calls, [])

    def test_sends_nothing_when_one_is_no_json(self) -> None:
        with ScriptedApi(all_ok) as api:
            with self.assertRaises(TypeError):
                api.holdfast.publish_many([Message(["a"], 1), Message(["a"], object())])
            with self.assertRaises(TypeError):
                api.holdfast.publish_many([Message("news", 1)])
            self.assertEqual(api.calls, [])
