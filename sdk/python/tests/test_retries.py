from __future__ import annotations

import pickle
import threading
import time
import unittest
from typing import Any

from holdfast import HoldfastError, TokenMay, WebhookError
from holdfast._http import seconds_until

from .scripted_api import PUBLISHED, ScriptedApi, answer, cut_off, no_answer, problem, silent

DONE = answer(202, PUBLISHED)


class Retries(unittest.TestCase):
    def test_repeated_with_the_same_idempotency_key(self) -> None:
        with ScriptedApi(
            problem("redis-unavailable"), no_answer, problem("too-many-calls"), answer(502, b"a proxy"), DONE
        ) as api:
            published = api.holdfast.publish("news", {"score": 1})
            self.assertEqual((published.topic, published.id), ("news", "1-0"))
            self.assertEqual([call.line for call in api.calls], ["POST /v1/topics/news/messages"] * 5)
            self.assertEqual({call.body for call in api.calls}, {b'{"score":1}'})
            keys = {call.idempotency_key for call in api.calls}
            self.assertEqual(len(keys), 1)
            self.assertRegex(keys.pop() or "", r"^[0-9a-f-]{36}$")

    def test_the_callers_idempotency_key_is_taken(self) -> None:
        with ScriptedApi(problem("redis-unavailable"), problem("redis-unavailable"), DONE) as api:
            api.holdfast.publish("news", 1, idempotency_key="order-7")
            self.assertEqual([call.idempotency_key for call in api.calls], ["order-7"] * 3)

    def test_what_is_refused_is_not_repeated(self) -> None:
        with ScriptedApi(problem("topic-not-found")) as api:
            with self.assertRaises(HoldfastError) as raised:
                api.holdfast.publish("news", 1)
            error = raised.exception
            self.assertEqual((error.code, error.status), ("topic-not-found", 404))
            self.assertEqual(error.problem and error.problem.detail, "why topic-not-found")
            self.assertEqual(str(error), "topic-not-found: why topic-not-found")
            self.assertEqual(len(api.calls), 1)

    def test_an_answer_of_something_else_is_no_success(self) -> None:
        for given in (answer(200, b"<html>"), answer(200, {"ok": True}), answer(302, {}), answer(200, [1])):
            with ScriptedApi(given) as api:
                self.assertEqual(_code(api), "unexpected-answer")
                self.assertEqual(len(api.calls), 1)

    def test_an_answer_that_is_cut_off_is_none(self) -> None:
        with ScriptedApi(cut_off, DONE) as api:
            self.assertEqual(api.holdfast.publish("news", 1).id, "1-0")

    def test_given_up_after_so_many_attempts_with_the_last_error(self) -> None:
        with ScriptedApi(no_answer, problem("redis-unavailable"), DONE, attempts=2) as api:
            self.assertEqual(_code(api), "redis-unavailable")
            self.assertEqual(len(api.calls), 2)

    def test_waits_as_long_as_the_server_asks_in_seconds_and_by_a_time(self) -> None:
        date = "Sat, 28 Nov 2026 10:00:00 GMT"
        later = "Sat, 28 Nov 2026 10:00:01 GMT"
        for headers in ({"Retry-After": "1"}, {"Retry-After": later, "Date": date}):
            with ScriptedApi(problem("api-busy", headers), DONE) as api:
                since = time.monotonic()
                api.holdfast.publish("news", 1)
                self.assertGreaterEqual(time.monotonic() - since, 0.99)

    def test_does_not_begin_to_wait_beyond_the_time_for_all_attempts(self) -> None:
        with ScriptedApi(problem("api-busy", {"Retry-After": "60"}), DONE, total_timeout=5.0) as api:
            with self.assertRaises(HoldfastError) as raised:
                api.holdfast.publish("news", 1)
            self.assertEqual((raised.exception.code, raised.exception.retry_after), ("api-busy", 60.0))

    def test_does_not_wait_longer_than_60_s_however_long_the_server_asks(self) -> None:
        for asked, seconds in (("61", 61.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 251_606_440_799.0)):
            headers = {"Retry-After": asked, "Date": "Sat, 28 Nov 2026 10:00:00 GMT"}
            with ScriptedApi(problem("api-busy", headers), DONE) as api:
                with self.assertRaises(HoldfastError) as raised:
                    api.holdfast.publish("news", 1)
                self.assertEqual(raised.exception.code, "api-busy")
                self.assertEqual(raised.exception.retry_after, seconds)
                self.assertEqual(len(api.calls), 1)

    def test_an_attempt_does_not_wait_for_ever(self) -> None:
        with ScriptedApi(silent, silent, DONE, attempts=2, timeout=0.05) as api:
            self.assertEqual(_code(api), "unreachable")
            self.assertEqual(len(api.calls), 2)

    def test_no_server_is_unreachable(self) -> None:
        with ScriptedApi() as api:
            pass
        api.holdfast = api.holdfast.with_options(attempts=2)
        self.assertEqual(_code(api), "unreachable")

    def test_ends_when_it_is_cancelled_in_an_attempt_and_between_two(self) -> None:
        for given in (problem("api-busy", {"Retry-After": "60"}), silent):
            cancelled = threading.Event()
            with ScriptedApi(given, timeout=30) as api:
                api.holdfast = api.holdfast.with_options(cancelled=cancelled)
                threading.Timer(0.1, cancelled.set).start()
                since = time.monotonic()
                self.assertEqual(_code(api), "cancelled")
                self.assertLess(time.monotonic() - since, 10)
                self.assertEqual(_code(api), "cancelled")
                self.assertEqual(len(api.calls), 1)


class Values(unittest.TestCase):
    def test_errors_are_the_same_in_another_process(self) -> None:
        with ScriptedApi(problem("topic-not-found", {"Retry-After": "7"})) as api:
            with self.assertRaises(HoldfastError) as raised:
                api.holdfast.publish("news", 1)
        error = raised.exception
        other = pickle.loads(pickle.dumps(error))
        self.assertEqual((type(other), str(other)), (HoldfastError, "topic-not-found: why topic-not-found"))
        self.assertEqual(vars(other), vars(error))
        self.assertEqual((other.status, other.retry_after, other.problem), (404, 7.0, error.problem))
        refused = pickle.loads(pickle.dumps(WebhookError("signature", "no signature is right")))
        self.assertEqual((type(refused), refused.code, str(refused)), (WebhookError, "signature", "no signature is right"))

    def test_retry_after(self) -> None:
        date = "Sat, 28 Nov 2026 10:00:00 GMT"
        given: list[tuple[Any, Any]] = [
            ("120", 120.0),
            ("Sat, 28 Nov 2026 10:02:00 GMT", 120.0),
            ("Sat, 28 Nov 2026 09:00:00 GMT", 0.0),
            ("soon", None),
            ("-1", None),
            ("", None),
            (None, None),
        ]
        for retry_after, seconds in given:
            self.assertEqual(seconds_until(retry_after, date), seconds, retry_after)
        self.assertEqual(seconds_until("Sat, 28 Nov 2020 10:02:00 GMT", None), 0.0)

    def test_names_cannot_become_other_paths(self) -> None:
        with ScriptedApi(DONE, DONE) as api:
            for name in (".", ".."):
                with self.assertRaises(HoldfastError) as raised:
                    api.holdfast.publish_to_user(name, 1)
                self.assertEqual(raised.exception.code, "invalid-request")
            api.holdfast.publish_to_user("../ann?x=1#/é", 1)
            self.assertEqual([call.line for call in api.calls], ["POST /v1/users/..%2Fann%3Fx%3D1%23%2F%C3%A9/messages"])

    def test_what_is_no_json_is_not_sent(self) -> None:
        with ScriptedApi(DONE) as api:
            for value in (float("nan"), object(), {1, 2}, "\ud800"):
                with self.assertRaises((TypeError, ValueError)):
                    api.holdfast.publish("news", value)
            with self.assertRaises(TypeError):
                api.holdfast.subscribe("x", "news")
            self.assertEqual(api.calls, [])

    def test_what_is_not_given_is_not_in_json_and_an_empty_list_is(self) -> None:
        self.assertEqual(TokenMay(publish=["chat.*"], presence=[]).to_json(), {"publish": ["chat.*"], "presence": []})


def _code(api: ScriptedApi) -> str:
    try:
        api.holdfast.publish("news", 1)
    except HoldfastError as error:
        return error.code
    return "none"
