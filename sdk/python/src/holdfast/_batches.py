"""Many messages in as few calls as they take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Iterator, Optional, Sequence

from ._http import json_of
from ._retries import Attempt, Options, with_retries
from .errors import HoldfastError
from .protocol import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, BatchOutcome

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
class _Encoded:
    topics: list[str]
    body: bytes


# Sends messages in one call, and gives one result for each.
Post = Callable[[bytes, Attempt], "list[BatchOutcome]"]


def send_batches(post: Post, options: Options, messages: Iterable[Message]) -> list[BatchOutcome]:
    """Sends messages in order; each keeps its idempotency key over all attempts."""
    outcomes: list[BatchOutcome] = []
    # All are encoded before the first is sent: one that is no JSON is known then.
    for batch in list(_batches_of([_encoded(message) for message in messages])):
        try:
            outcomes.extend(_send_batch(post, options, batch))
        except HoldfastError as error:
            if not outcomes or error.code == "cancelled":
                raise
            detail = str(error.args[0])
            outcomes.extend(BatchOutcome(False, {}, error.code, detail, each.topics) for each in batch)
    return outcomes


def _send_batch(post: Post, options: Options, batch: Sequence[_Encoded]) -> list[BatchOutcome]:
    """Messages that a server could not take at the moment are sent again; those that it refused are not."""
    outcomes: list[Optional[BatchOutcome]] = [None] * len(batch)

    def attempt(given: Attempt) -> None:
        sent = [index for index, outcome in enumerate(outcomes) if _is_open(outcome)]
        results = post(b'{"messages":[' + b",".join(batch[index].body for index in sent) + b"]}", given)
        if len(results) != len(sent):
            raise HoldfastError("unexpected-answer", "it has not one result a message")
        for index, result in zip(sent, results):
            outcomes[index] = result
        if any(_is_open(outcome) for outcome in outcomes):
            raise HoldfastError("redis-unavailable", "not all of it", status=503)

    try:
        with_retries(options, attempt)
    except HoldfastError as error:
        if None in outcomes or error.code == "cancelled":
            raise
    return [outcome for outcome in outcomes if outcome is not None]


def _is_open(outcome: Optional[BatchOutcome]) -> bool:
    """Whether another attempt may help."""
    return outcome is None or (not outcome.ok and outcome.code in PASSING_CODES)


def _encoded(message: Message) -> _Encoded:
    topics = topic_list(message.topics)
    key = message.idempotency_key or str(uuid.uuid4())
    return _Encoded(topics, json_of({"topics": topics, "data": message.data, "idempotencyKey": key}))


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
