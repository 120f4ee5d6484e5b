from __future__ import annotations

import os
import threading
import types
import unittest
import unittest.mock
import warnings
from concurrent.futures import ThreadPoolExecutor

from holdfast import Holdfast, _connections

from .scripted_api import PUBLISHED, ScriptedApi, answer, closing

DONE = answer(202, PUBLISHED)


class Connections(unittest.TestCase):
    def test_one_is_used_again(self) -> None:
        with ScriptedApi(*[DONE] * 5) as api:
            for number in range(5):
                api.holdfast.publish("news", number)
            self.assertEqual(len({call.port for call in api.calls}), 1)

    def test_one_that_the_server_closed_costs_no_attempt(self) -> None:
        with ScriptedApi(closing, DONE, attempts=1) as api:
            api.holdfast.publish("news", 1)
            api.wait_for_closed_connection()
            api.holdfast.publish("news", 2)
            self.assertEqual(len({call.port for call in api.calls}), 2)

    def test_each_thread_has_one_for_itself(self) -> None:
        count = 8
        together = threading.Barrier(count)

        def at_once(handler: object, call: object) -> None:
            together.wait(10)
            DONE(handler, call)  # type: ignore[arg-type]

        with ScriptedApi(*[at_once] * count, *[DONE] * 100) as api:
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(lambda number: api.holdfast.publish("news", number), range(count + 100)))
            self.assertEqual(sorted(int(call.body) for call in api.calls), list(range(count + 100)))
            self.assertEqual(len({call.port for call in api.calls}), count)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_a_process_that_forked_has_its_own(self) -> None:
        with ScriptedApi(*[DONE] * 3) as api:
            api.holdfast.publish("news", 1)
            with warnings.catch_warnings():
                # Python warns of forks beside threads: the one of the server stays with the parent.
                warnings.simplefilter("ignore")
                child = os.fork()
            if child == 0:
                try:
                    api.holdfast.publish("news", 2)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            api.holdfast.publish("news", 3)
            parent, other, again = (call.port for call in api.calls)
            self.assertEqual([call.body for call in api.calls], [b"1", b"2", b"3"])
            self.assertNotEqual(parent, other)
            self.assertEqual(parent, again)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_no_thread_of_a_process_that_forked_takes_one_of_its_parent(self) -> None:
        with ScriptedApi(*[DONE] * 3) as api:
            api.holdfast.publish("news", 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                child = os.fork()
            if child == 0:
                try:
                    _publish_while_another_thread_is_at_the_lock(api.holdfast)
                finally:
                    os._exit(0)
            os.waitpid(child, 0)
            parent, *others = (call.port for call in api.calls)
            self.assertEqual(sorted(call.body for call in api.calls), [b"1", b"2", b"3"])
            self.assertNotIn(parent, others)

    def test_a_key_is_one_and_an_error_does_not_quote_it(self) -> None:
        for key in ("", "SECRET", ".SECRET", "app.", "app.SEC\nRET", "app.SEC RET", "app.SECRÉT", "app.SECRET\x7f"):
            with self.assertRaises(ValueError, msg=key) as raised:
                Holdfast("http://x", key)
            self.assertNotIn("SEC", f"{raised.exception!r} {raised.exception.__cause__!r}")
        with ScriptedApi(DONE) as api:
            with Holdfast(api.url, " app.SECRET\r\n") as holdfast:
                holdfast.publish("news", 1)
            self.assertEqual(api.calls[0].key, "app.SECRET")

    def test_a_control_url_is_one(self) -> None:
        for url in ("", "control-api:7700", "ftp://x", "http://", "http://user:pw@x", "http://x/?a", "http://x:port"):
            with self.assertRaises(ValueError, msg=url):
                Holdfast(url, "test.secret")
        with self.assertRaises(ValueError):
            Holdfast("http://x", "test.secret", attempts=0)

    def test_a_path_of_the_control_url_is_kept(self) -> None:
        with ScriptedApi(DONE) as api:
            with Holdfast(f"{api.url}/push/", "test.secret") as holdfast:
                holdfast.publish("news", 1)
            self.assertEqual(api.calls[0].line, "POST /push/v1/topics/news/messages")


def _publish_while_another_thread_is_at_the_lock(holdfast: Holdfast) -> None:
    reached, over = threading.Event(), threading.Event()

    class Lock:
        """The other thread waits at it until this one is done."""

        def __init__(self) -> None:
            self._lock = threading.Lock()

        def __enter__(self) -> None:
            if threading.current_thread() is other:
                reached.set()
                over.wait(30)
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    other = threading.Thread(target=holdfast.publish, args=("news", 2))
    with unittest.mock.patch.object(_connections, "threading", types.SimpleNamespace(Lock=Lock)):
        other.start()
        reached.wait(30)
        holdfast.publish("news", 3)
        over.set()
        other.join(30)
