"""Calls that are repeated while that may help."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Callable, Optional, TypeVar

from .errors import HoldfastError

_Value = TypeVar("_Value")

# The first delay is drawn below this.
BASE_SECONDS = 0.25
CAP_SECONDS = 15.0
# A `Retry-After` beyond this is left to the caller: a call that sleeps for an hour looks like one that hangs.
MAX_RETRY_AFTER_SECONDS = 60.0
# What a server says below 500 will not be different in a moment; these may.
PASSING_STATUSES = frozenset((408, 429))


@dataclass(frozen=True)
class Options:
    # How often a call is made at most.
    attempts: int
    # For one attempt, in seconds.
    timeout: float
    # For a call with all of its attempts; None: as long as these take.
    total_timeout: Optional[float]
    # Set by the caller to give a call up.
    cancelled: Optional[threading.Event]


@dataclass(frozen=True)
class Attempt:
    timeout: float
    cancelled: Optional[threading.Event]
    # Whether an earlier attempt may have been carried out.
    is_repeated: bool


def deadline_of(options: Options) -> float:
    """When a call that begins now has to be over, on the clock of `time.monotonic`."""
    return float("inf") if options.total_timeout is None else time.monotonic() + options.total_timeout


def with_retries(options: Options, call: Callable[[Attempt], _Value], deadline: Optional[float] = None) -> _Value:
    """Makes a call again after no answer, 408, 429 and 5xx: with full jitter, and not before `Retry-After`.

    It has to be one that may be carried out twice. Raises the last error; at once for one that asks to wait beyond the
    deadline or MAX_RETRY_AFTER_SECONDS. The deadline is that of the options, unless one is given for several calls.
    """
    end = deadline_of(options) if deadline is None else deadline
    last = HoldfastError("unreachable", "the time for all attempts is over")
    failures = 0
    while True:
        if options.cancelled is not None and options.cancelled.is_set():
            raise HoldfastError("cancelled", "the caller gave it up")
        left = end - time.monotonic()
        if left <= 0:
            raise last
        try:
            return call(Attempt(min(options.timeout, left), options.cancelled, failures > 0))
        except HoldfastError as error:
            asked = error.retry_after or 0.0
            delay = max(_backoff(failures), asked)
            failures += 1
            if not _may_pass(error) or failures >= options.attempts:
                raise
            if asked > MAX_RETRY_AFTER_SECONDS or delay >= end - time.monotonic():
                raise
            last = error
        _pause(delay, options.cancelled)


def _may_pass(error: HoldfastError) -> bool:
    """Whether the same call may succeed in a moment."""
    if error.status is None:
        return error.code == "unreachable"
    return error.status >= 500 or error.status in PASSING_STATUSES


def _backoff(failures: int) -> float:
    """Full jitter: from 0 to a bound that doubles with every failure in a row."""
    return random.random() * min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(failures, 16))


def _pause(seconds: float, cancelled: Optional[threading.Event]) -> None:
    if cancelled is None:
        time.sleep(seconds)
    else:
        cancelled.wait(seconds)
