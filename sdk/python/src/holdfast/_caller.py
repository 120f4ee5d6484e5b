"""How calls are made: with an API key, options, and repetitions."""

from __future__ import annotations

import ssl
import threading
import uuid
from typing import Any, Callable, Mapping, Optional, TypeVar

from ._connections import Connections
from ._http import Http, json_of
from ._retries import Attempt, Options, with_retries
from .errors import HoldfastError
from .protocol import Published

_Value = TypeVar("_Value")
_Self = TypeVar("_Self", bound="Caller")

# Five attempts spread over some seconds: a control-api that restarts is back by then.
DEFAULT_ATTEMPTS = 5
DEFAULT_TIMEOUT = 10.0


class Caller:
    """What all calls share."""

    def __init__(
        self,
        control_url: str,
        key: str,
        *,
        attempts: int = DEFAULT_ATTEMPTS,
        timeout: float = DEFAULT_TIMEOUT,
        total_timeout: Optional[float] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        """Opens no connection yet. Raises ValueError when the control URL or the key is none.

        control_url: where control-api listens, such as `http://127.0.0.1:7700`.
        key: an API key as it is presented: `<id>.<secret>`; white space around it is left out.
        attempts: how often a call is made at most: again after no answer, 408, 429 and 5xx.
        timeout: how long one attempt may take, in seconds.
        total_timeout: how long a call may take with all of its attempts, in seconds.
        ssl_context: for certificates of an authority of your own.
        """
        self._connections = Connections(control_url, ssl_context)
        self._http = Http(self._connections, key)
        self._options = _checked(Options(attempts, timeout, total_timeout, None))

    def with_options(
        self: _Self,
        *,
        attempts: Optional[int] = None,
        timeout: Optional[float] = None,
        total_timeout: Optional[float] = None,
        cancelled: Optional[threading.Event] = None,
    ) -> _Self:
        """The same, over the same connections, with other options for some calls.

        cancelled: once it is set, calls end within a moment with the code `cancelled`.
        """
        other = object.__new__(type(self))
        other._connections, other._http = self._connections, self._http
        known = self._options
        other._options = _checked(
            Options(
                known.attempts if attempts is None else attempts,
                known.timeout if timeout is None else timeout,
                known.total_timeout if total_timeout is None else total_timeout,
                known.cancelled if cancelled is None else cancelled,
            )
        )
        return other

    def close(self) -> None:
        """Closes the connections that are idle. A call after that opens a new one."""
        self._connections.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _publish(self, path: str, data: Any, idempotency_key: Optional[str]) -> Published:
        key = idempotency_key or str(uuid.uuid4())
        return self._call("POST", path, Published.from_json, body=json_of(data), idempotency_key=key)

    def _remove(self, attempt: Attempt, path: str, gone: str) -> None:
        """What an attempt before has removed is not there any more."""
        try:
            self._send(attempt, "DELETE", path, lambda value: None)
        except HoldfastError as error:
            if not attempt.is_repeated or error.code != gone:
                raise

    def _call(
        self,
        method: str,
        path: str,
        decode: Callable[[Any], _Value],
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[bytes] = None,
        idempotency_key: Optional[str] = None,
    ) -> _Value:
        def attempt(given: Attempt) -> _Value:
            return self._send(given, method, path, decode, query=query, body=body, idempotency_key=idempotency_key)

        return with_retries(self._options, attempt)

    def _send(
        self,
        attempt: Attempt,
        method: str,
        path: str,
        decode: Callable[[Any], _Value],
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[bytes] = None,
        idempotency_key: Optional[str] = None,
    ) -> _Value:
        return self._http.send(
            method,
            path,
            decode,
            query=query,
            body=body,
            idempotency_key=idempotency_key,
            timeout=attempt.timeout,
            cancelled=attempt.cancelled,
        )


def _checked(options: Options) -> Options:
    if options.attempts < 1 or options.timeout <= 0:
        raise ValueError("a call takes at least one attempt, and an attempt some time")
    return options
