"""A control-api that gives the answers of a test, one after the other."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterable, Mapping, Optional

from holdfast import Holdfast

PUBLISHED = {"topic": "news", "id": "1-0"}
STATUSES = {
    "redis-unavailable": 503,
    "api-busy": 503,
    "too-many-calls": 429,
    "topic-not-found": 404,
    "user-not-found": 409,
    "client-exists": 409,
    "name-taken": 409,
    "key-unknown": 403,
    "internal-error": 500,
}


@dataclass(frozen=True)
class Call:
    line: str
    idempotency_key: Optional[str]
    body: bytes
    # Of the connection that it came on.
    port: int
    key: Optional[str]


Answer = Callable[["_Handler", Call], None]


def answer(status: int, value: Any, headers: Mapping[str, str] = {}) -> Answer:
    def give(handler: _Handler, _: Call) -> None:
        handler.answer(status, value if isinstance(value, bytes) else json.dumps(value).encode(), headers)

    return give


def problem(code: str, headers: Mapping[str, str] = {}) -> Answer:
    status = STATUSES[code]
    document = {"type": f"urn:holdfast:problem:{code}", "title": code, "status": status, "code": code}
    return answer(status, {**document, "detail": f"why {code}"}, headers)


def no_answer(handler: _Handler, _: Call) -> None:
    """The connection ends."""
    handler.close_connection = True


def closing(handler: _Handler, call: Call) -> None:
    """A last answer on a connection that is then closed without a word about it."""
    answer(202, PUBLISHED)(handler, call)
    handler.close_connection = True


def cut_off(handler: _Handler, _: Call) -> None:
    """The connection ends within the answer."""
    handler.wfile.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"topic"')
    handler.close_connection = True


def silent(_handler: _Handler, _: Call) -> None:
    """No answer, until the test is over."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = f"{self.command} {self.path}"
        call = Call(line, self.headers.get("Idempotency-Key"), body, self.client_address[1], self.headers.get("X-API-Key"))
        self.server.take(call)(self, call)

    do_GET = do_POST = do_PUT = do_DELETE = _take

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answers: Iterable[Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[Call] = []
        # Once for each connection that it has closed.
        self.closed = threading.Semaphore(0)
        self._answers = list(answers)
        self._lock = threading.Lock()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.release()

    def take(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            return self._answers.pop(0) if self._answers else problem("internal-error")


class ScriptedApi:
    """Use it with `with`; `holdfast` calls it."""

    def __init__(self, *answers: Answer, **options: Any) -> None:
        self._over = threading.Event()
        self._server = _Server(self._silent if each is silent else each for each in answers)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.holdfast = Holdfast(self.url, "test.secret", **options)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def calls(self) -> list[Call]:
        return self._server.calls

    def wait_for_closed_connection(self) -> None:
        assert self._server.closed.acquire(timeout=30)

    def _silent(self, _handler: _Handler, _: Call) -> None:
        self._over.wait(30)

    def __enter__(self) -> ScriptedApi:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.holdfast.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
