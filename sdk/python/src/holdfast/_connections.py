"""Connections to control-api, which are used again."""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Mapping, Optional
from urllib.parse import urlsplit

from .errors import HoldfastError

# More than that are closed when they become idle.
MAX_IDLE = 16
# How long a call that may be cancelled waits without looking.
LOOK_SECONDS = 0.1
READ_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connections:
    """Requests over HTTP/1.1 from any thread: each takes an idle connection for itself, or opens one."""

    def __init__(self, control_url: str, ssl_context: Optional[ssl.SSLContext]) -> None:
        url = urlsplit(control_url)
        if url.scheme not in ("http", "https") or not url.hostname or url.username or url.query or url.fragment:
            raise ValueError("the control URL is http:// or https://, a host, and a port or a path if need be")
        self.base = url.path.rstrip("/")
        self._host = url.hostname
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = (ssl_context or ssl.create_default_context()) if url.scheme == "https" else None
        self._pool = _Pool()

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Optional[bytes],
        timeout: float,
        cancelled: Optional[threading.Event],
    ) -> Answer:
        """Raises OSError or http.client.HTTPException when there is no answer within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        connection = self._take()
        try:
            _limit(connection, deadline)
            connection.request(method, target, body=body, headers=dict(headers))
            if cancelled is not None:
                _wait(connection, deadline, cancelled)
            _limit(connection, deadline)
            response = connection.getresponse()
            content = _read(connection, response, deadline)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._give_back(connection)
        return Answer(response.status, response.headers, content)

    def close(self) -> None:
        """Closes what is idle."""
        self._own_pool().clear()

    def _own_pool(self) -> _Pool:
        pool = self._pool
        if pool.process == os.getpid():
            return pool
        # A process that was forked: the connections are its parent's, and the lock may be held by a thread of it. Two
        # threads may each make a pool here; no connection of the parent is in either.
        self._pool = _Pool()
        for connection in pool.idle:
            connection.close()
        return self._pool

    def _take(self) -> http.client.HTTPConnection:
        while True:
            connection = self._own_pool().take()
            if connection is None:
                return self._open()
            # There is nothing to read before a request, but the end.
            if connection.sock is not None and not _is_readable(connection.sock, 0):
                return connection
            connection.close()

    def _open(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port)
        return http.client.HTTPSConnection(self._host, self._port, context=self._tls)

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        if not self._own_pool().put(connection):
            connection.close()


class _Pool:
    """The idle connections of one process. Lock, list and process are one object: a fork leaves all of it at once."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def take(self) -> Optional[http.client.HTTPConnection]:
        with self._lock:
            return self.idle.pop() if self.idle else None

    def put(self, connection: http.client.HTTPConnection) -> bool:
        """Whether there was room."""
        with self._lock:
            if len(self.idle) < MAX_IDLE:
                self.idle.append(connection)
                return True
        return False

    def clear(self) -> None:
        with self._lock:
            idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()


def _limit(connection: http.client.HTTPConnection, deadline: float) -> None:
    """The next operations on the socket, or opening it, end at the deadline."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    connection.timeout = left
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _read(connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float) -> bytes:
    # None: until it ends by itself.
    expected = response.length
    content = bytearray()
    while expected is None or len(content) < expected:
        # Of an answer after which the connection is closed only the answer has the socket.
        if connection.sock is not None:
            _limit(connection, deadline)
        part = response.read1(READ_BYTES)
        if not part:
            break
        content += part
    if expected is not None and len(content) < expected:
        raise http.client.IncompleteRead(bytes(content), expected - len(content))
    response.close()
    return bytes(content)


def _wait(connection: http.client.HTTPConnection, deadline: float, cancelled: threading.Event) -> None:
    """Returns when the answer begins."""
    while connection.sock is not None:
        if cancelled.is_set():
            raise HoldfastError("cancelled", "the caller gave it up")
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        if _is_readable(connection.sock, min(left, LOOK_SECONDS)):
            return


def _is_readable(sock: socket.socket, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(seconds))
