"""Many messages in as few calls as they take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence

from ._http import json_of
from ._retries import Attempt, Options, deadline_of, with_retries
from .errors import ErrorCode, HoldfastError
from .protocol import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, BatchResult

# What a message may be refused with that passes.
PASSING_CODES = frozenset(("redis-unavailable", "api-busy", "internal-error"))
# For the names and braces around a message.
BYTES_AROUND = 100


@dataclass(frozen=True)
class Message:
    """One message of `publish_many`, for one or more topics."""

    topics: Sequence[str]
    # A JSON value.
    data: Any
    # As in `publish`; one is made otherwise.
    idempotency_key: Optional[str] = None


@dataclass(frozen=True)
class BatchOutcome:
    """What became of one message of `publish_many`."""

    # Whether it was published to all of its topics.
    ok: bool
    # What was published, by topic.
    ids: dict[str, str]
    # Why not. With a code of the SDK, such as `unreachable`, it may have been published or not.
    code: Optional[ErrorCode] = None
    detail: Optional[str] = None
    # The topics that it was not published to.
    topics: Optional[list[str]] = None
    # Of a message that is not ok: sent again under this key within five minutes, it is published once.
    idempotency_key: Optional[str] = None


@dataclass(frozen=True)
class _Encoded:
    topics: list[str]
    idempotency_key: str
    body: bytes


# Sends messages in one call, and gives one result for each.
Post = Callable[[bytes, Attempt], "list[BatchResult]"]


def send_batches(post: Post, options: Options, messages: Iterable[Message]) -> list[BatchOutcome]:
    """Sends messages in order; each keeps its idempotency key over all attempts.

    Raises only when surely none was published. After a batch of which nothing is known no more is sent.
    """
    # All are encoded before the first is sent: one that is no JSON is known then.
    batches = list(_batches_of([_encoded(message) for message in messages]))
    deadline = deadline_of(options)
    outcomes: list[BatchOutcome] = []
    # Why no more is sent.
    end: Optional[HoldfastError] = None
    for batch in batches:
        failure = end
        results: list[Optional[BatchResult]] = [None] * len(batch)
        if end is None:
            sending = _Sending(post, batch, results)
            try:
                with_retries(options, sending.attempt, deadline)
            except HoldfastError as error:
                failure = sending.lost or error
                if None in results:
                    end = sending.lost
                    if not outcomes and end is None:
                        raise
        outcomes.extend(_outcome(each, result, failure) for each, result in zip(batch, results))
    return outcomes


class _Sending:
    """One batch. Messages that a server could not take at the moment are sent again; those that it refused are not."""

    def __init__(self, post: Post, batch: Sequence[_Encoded], results: list[Optional[BatchResult]]) -> None:
        self._post = post
        self._batch = batch
        self._results = results
        # The last error of an attempt that may have been carried out.
        self.lost: Optional[HoldfastError] = None

    def attempt(self, given: Attempt) -> None:
        sent = [index for index, result in enumerate(self._results) if _is_open(result)]
        body = b'{"messages":[' + b",".join(self._batch[index].body for index in sent) + b"]}"
        try:
            answered = self._post(body, given)
            if len(answered) != len(sent):
                raise HoldfastError("unexpected-answer", "it has not one result a message")
        except HoldfastError as error:
            if _may_be_carried_out(error):
                self.lost = error
            raise
        for index, result in zip(sent, answered):
            self._results[index] = result
        if any(_is_open(result) for result in self._results):
            raise HoldfastError("redis-unavailable", "not all of it", status=503)


def _outcome(message: _Encoded, result: Optional[BatchResult], failure: Optional[HoldfastError]) -> BatchOutcome:
    if result is not None:
        key = None if result.ok else message.idempotency_key
        return BatchOutcome(result.ok, result.ids, result.code, result.detail, result.topics, key)
    assert failure is not None
    return BatchOutcome(False, {}, failure.code, str(failure.args[0]), message.topics, message.idempotency_key)


def _may_be_carried_out(error: HoldfastError) -> bool:
    """What a server refuses, below 500, it has not done."""
    return error.status is None or not 300 <= error.status < 500 or error.status == 408


def _is_open(result: Optional[BatchResult]) -> bool:
    """Whether another attempt may help."""
    return result is None or (not result.ok and result.code in PASSING_CODES)


def _encoded(message: Message) -> _Encoded:
    topics = topic_list(message.topics)
    key = message.idempotency_key or str(uuid.uuid4())
    return _Encoded(topics, key, json_of({"topics": topics, "data": message.data, "idempotencyKey": key}))


def topic_list(topics: Sequence[str]) -> list[str]:
    """A text is a sequence of characters as well, and never meant as one."""
    if isinstance(topics, str):
        raise TypeError("topics are a list of names, not a text")
    return list(topics)


def _batches_of(messages: Sequence[_Encoded]) -> Iterator[list[_Encoded]]:
    batch: list[_Encoded] = []
    size = 0
    for message in messages:
        added = len(message.body) + BYTES_AROUND
        if batch and (len(batch) == MAX_BATCH_MESSAGES or size + added > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += added
    if batch:
        yield batch
