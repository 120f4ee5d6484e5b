from __future__ import annotations

import json
import threading
import time
import types
import unittest
import unittest.mock
from typing import Any, Optional

from holdfast import BatchOutcome, HoldfastError, Message, _retries

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


def outcome(given: dict[str, Any], key: Optional[str] = None) -> BatchOutcome:
    return BatchOutcome(given["ok"], given["ids"], given.get("code"), given.get("detail"), given.get("topics"), key)


def unknown(outcomes: list[BatchOutcome], code: str) -> list[tuple[str, str]]:
    """The topics and keys of outcomes that all are of a code."""
    assert all(not each.ok and each.code == code for each in outcomes), outcomes
    return [((each.topics or [""])[0], each.idempotency_key or "") for each in outcomes]


def sent(call: Call) -> list[tuple[str, str]]:
    return [(message["topics"][0], message["idempotencyKey"]) for message in json.loads(call.body)["messages"]]


class PublishMany(unittest.TestCase):
    def test_sends_again_under_the_same_key_only_what_may_succeed_in_a_moment(self) -> None:
        first = results(ok("a"), failed("redis-unavailable"), failed("topic-not-found"))
        with ScriptedApi(no_answer, first, results(ok("b"))) as api:
            outcomes = api.holdfast.publish_many(MESSAGES)
            one, two, three = (sent(call) for call in api.calls)
            refused = outcome(failed("topic-not-found"), one[2][1])
            self.assertEqual(outcomes, [outcome(ok("a")), outcome(ok("b")), refused])
            self.assertEqual([two, three], [one, [one[1]]])
            self.assertEqual(len({key for _, key in one}), 3)

    def test_says_of_each_what_became_of_it_when_the_attempts_are_over(self) -> None:
        given = [ok("a"), failed("redis-unavailable"), ok("c")]
        with ScriptedApi(results(*given), no_answer, attempts=2) as api:
            outcomes = api.holdfast.publish_many(MESSAGES)
            key = sent(api.calls[0])[1][1]
            self.assertEqual(outcomes, [outcome(given[0]), outcome(given[1], key), outcome(given[2])])

    def test_raises_when_surely_none_was_published(self) -> None:
        for given, code in (([problem("key-unknown")], "key-unknown"), ([problem("too-many-calls")] * 2, "too-many-calls")):
            with ScriptedApi(*given, attempts=2) as api:
                with self.assertRaises(HoldfastError) as raised:
                    api.holdfast.publish_many(MESSAGES)
                self.assertEqual(raised.exception.code, code)

    def test_what_may_have_been_published_has_an_outcome_with_its_key(self) -> None:
        for given, code in (
            ([no_answer, no_answer], "unreachable"),
            ([no_answer, problem("key-unknown")], "unreachable"),
            ([problem("internal-error")] * 2, "internal-error"),
            ([results()], "unexpected-answer"),
        ):
            with ScriptedApi(*given, attempts=2) as api:
                self.assertEqual(unknown(api.holdfast.publish_many(MESSAGES), code), sent(api.calls[0]))

    def test_no_more_is_sent_after_a_call_of_which_nothing_is_known(self) -> None:
        with ScriptedApi(no_answer, all_ok, attempts=1) as api:
            outcomes = api.holdfast.publish_many([Message(["a"], 1)] * 1001)
            self.assertEqual(len({key for _, key in unknown(outcomes, "unreachable")}), 1001)
            self.assertEqual(len(api.calls), 1)

    def test_has_one_time_for_all_its_calls(self) -> None:
        passed = 0.0

        def late(handler: Any, call: Call) -> None:
            nonlocal passed
            passed += 40
            all_ok(handler, call)

        clock = types.SimpleNamespace(monotonic=lambda: passed, sleep=time.sleep)
        with ScriptedApi(late, late, all_ok, total_timeout=60.0) as api, unittest.mock.patch.object(_retries, "time", clock):
            outcomes = api.holdfast.publish_many([Message(["a"], 1)] * 2001)
            self.assertEqual(sum(each.ok for each in outcomes), 2000)
            self.assertEqual(len(unknown(outcomes[2000:], "unreachable")), 1)
            self.assertEqual(len(api.calls), 2)

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

    def test_what_was_published_before_it_was_cancelled_is_not_lost(self) -> None:
        cancelled = threading.Event()

        def cancel(handler: Any, call: Call) -> None:
            cancelled.set()
            no_answer(handler, call)

        with ScriptedApi(all_ok, cancel, all_ok) as api:
            outcomes = api.holdfast.with_options(cancelled=cancelled).publish_many([Message(["a"], 1)] * 2001)
            self.assertEqual(sum(each.ok for each in outcomes), 1000)
            self.assertEqual(len({each.idempotency_key for each in outcomes[1000:]}), 1001)
            self.assertEqual(len(api.calls), 2)

    def test_sends_nothing_when_one_is_no_json(self) -> None:
        with ScriptedApi(all_ok) as api:
            with self.assertRaises(TypeError):
                api.holdfast.publish_many([Message(["a"], 1), Message(["a"], object())])
            with self.assertRaises(TypeError):
                api.holdfast.publish_many([Message("news", 1)])
            self.assertEqual(api.calls, [])
