from __future__ import annotations

import os
import threading
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor

from holdfast import Holdfast

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

    def test_a_control_url_is_one(self) -> None:
        for url in ("", "control-api:7700", "ftp://x", "http://", "http://user:pw@x", "http://x/?a", "http://x:port"):
            with self.assertRaises(ValueError, msg=url):
                Holdfast(url, "key")
        with self.assertRaises(ValueError):
            Holdfast("http://x", "key", attempts=0)

    def test_a_path_of_the_control_url_is_kept(self) -> None:
        with ScriptedApi(DONE) as api:
            with Holdfast(f"{api.url}/push/", "key") as holdfast:
                holdfast.publish("news", 1)
            self.assertEqual(api.calls[0].line, "POST /push/v1/topics/news/messages")
