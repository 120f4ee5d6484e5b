"""One request to control-api, and what its answer means."""

from __future__ import annotations

import email.utils
import http.client
import json
import re
import threading
from datetime import datetime, timezone
from typing import Any, Callable, Mapping, Optional, TypeVar
from urllib.parse import quote, urlencode

from ._connections import Answer, Connections
from .errors import HoldfastError
from .protocol import Problem

_Value = TypeVar("_Value")


class Http:
    """Sends requests with an API key. Raises HoldfastError for each that does not succeed."""

    def __init__(self, connections: Connections, key: str) -> None:
        self._connections = connections
        self._key = _checked_key(key)

    def send(
        self,
        method: str,
        path: str,
        decode: Callable[[Any], _Value],
        *,
        query: Optional[Mapping[str, Any]] = None,
        body: Optional[bytes] = None,
        idempotency_key: Optional[str] = None,
        timeout: float,
        cancelled: Optional[threading.Event],
    ) -> _Value:
        headers = {"X-API-Key": self._key, "User-Agent": "holdfast-python"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = self._connections.base + path + (f"?{urlencode(given)}" if given else "")
        try:
            answer = self._connections.exchange(method, target, headers, body, timeout, cancelled)
        except (OSError, http.client.HTTPException) as error:
            raise HoldfastError("unreachable", str(error) or type(error).__name__) from error
        value = _value_of(answer)
        try:
            return decode(value)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HoldfastError("unexpected-answer", f"it has not what it should: {error!r}", status=answer.status) from error


def _checked_key(key: str) -> str:
    """Without surrounding white space: a file ends with a line break. What is wrong with it never quotes it."""
    stripped = key.strip()
    if not re.fullmatch(r"[!-~]+\.[!-~]+", stripped):
        raise ValueError("the key is <id>.<secret>, of visible ASCII characters")
    return stripped


def path_of(*parts: str) -> str:
    """The path of a call. URLs know "." and "..", also encoded: a name like that would make it the path of another."""
    if "." in parts or ".." in parts:
        raise HoldfastError("invalid-request", '"." and ".." are no names')
    return "/v1" + "".join(f"/{quote(part, safe='')}" for part in parts)


def json_of(value: Any) -> bytes:
    """Raises TypeError or ValueError for what is no JSON value."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _value_of(answer: Answer) -> Any:
    retry_after = seconds_until(answer.headers.get("Retry-After"), answer.headers.get("Date"))
    status = answer.status
    try:
        value = json.loads(answer.body)
    except ValueError as error:
        message = f"answered {status} with something that is not JSON"
        raise HoldfastError("unexpected-answer", message, status=status, retry_after=retry_after) from error
    if 200 <= status < 300:
        return value
    try:
        problem = Problem.from_json(value)
    except (AttributeError, KeyError, TypeError) as error:
        message = f"answered {status} without a problem document"
        raise HoldfastError("unexpected-answer", message, status=status, retry_after=retry_after) from error
    message = problem.detail or problem.title
    raise HoldfastError(problem.code, message, status=status, problem=problem, retry_after=retry_after)


def seconds_until(retry_after: Optional[str], date: Optional[str]) -> Optional[float]:
    """What `Retry-After` asks for: seconds, or a time, which is compared with that of the server (`Date`)."""
    if retry_after is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}", retry_after):
        return float(retry_after)
    until = _http_date(retry_after)
    if until is None:
        return None
    since = _http_date(date) or datetime.now(timezone.utc)
    return max(0.0, (until - since).total_seconds())


def _http_date(text: Optional[str]) -> Optional[datetime]:
    try:
        time = email.utils.parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
