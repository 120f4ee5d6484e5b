"""The calls that a backend makes, with its API key."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any, Iterable, Optional, Sequence, Union

from ._batches import BatchOutcome, Message, send_batches, topic_list
from ._caller import Caller
from ._http import json_of, path_of
from ._retries import Attempt, with_retries
from .errors import HoldfastError
from .protocol import (
    BatchResult,
    ClientDetails,
    ClientTopics,
    DisconnectedUser,
    PresenceOptions,
    PresencePage,
    Published,
    RegisterMay,
    Registration,
    Revoked,
    Topic,
    UserDetails,
)


class Unchanged:
    """The type of UNCHANGED."""

    def __repr__(self) -> str:
        return "UNCHANGED"


# A setting of a topic that stays as it is, or has its default when the topic is made.
UNCHANGED = Unchanged()


class Holdfast(Caller):
    """The calls that a backend makes. Each repeats itself while that may help, and has its effect once.

    They raise HoldfastError, whose `code` is that of the problem document. May be used from any thread, and after a fork.
    """

    def publish(self, topic: str, data: Any, *, idempotency_key: Optional[str] = None) -> Published:
        """Publishes a JSON value to a topic.

        Publishing again under the same idempotency key within five minutes publishes nothing and gives the same id. One is
        made for each call otherwise; give it to be safe across a crash of this process too.
        """
        return self._publish(path_of("topics", topic, "messages"), data, idempotency_key)

    def publish_to_user(self, user: str, data: Any, *, idempotency_key: Optional[str] = None) -> Published:
        """Publishes to all connections of a user, as topic `@user`. Code `no-such-user` when it has no client."""
        return self._publish(path_of("users", user, "messages"), data, idempotency_key)

    def publish_to_client(self, client_id: str, data: Any, *, idempotency_key: Optional[str] = None) -> Published:
        """Publishes to one client, as topic `@me`."""
        return self._publish(path_of("clients", client_id, "messages"), data, idempotency_key)

    def publish_many(self, messages: Iterable[Message]) -> list[BatchOutcome]:
        """Publishes many messages, each to its topics, in calls of up to 1,000.

        Gives one outcome for each, in order; one that is refused does not stop the others. Raises only when surely none was
        published. One that is not ok may have been published when no answer came; sent again with its `idempotency_key` it
        is published once.
        """
        path = path_of("messages")

        def post(body: bytes, attempt: Attempt) -> list[BatchResult]:
            return self._send(attempt, "POST", path, _results, body=body)

        return send_batches(post, self._options, messages)

    def register(
        self,
        *,
        name: Optional[str] = None,
        topics: Sequence[str] = (),
        client_id: Optional[str] = None,
        user: Optional[str] = None,
        info: Any = None,
        may: Optional[RegisterMay] = None,
        client_expiry_seconds: Optional[int] = None,
    ) -> Registration:
        """Registers a client: its `client_id` is a credential, for the page that it is meant for alone.

        name: unique within the API key. user: the person, or whatever else, that several clients may belong to. info: any
        JSON of at most 1 KiB; others see it, and the user. client_expiry_seconds: it is forgotten when it has not been
        connected for so long.
        """
        own = client_id or str(uuid.uuid4())
        fields = {
            "clientId": own,
            "name": name,
            "topics": topic_list(topics),
            "user": user,
            "info": info,
            "may": None if may is None else may.to_json(),
            "clientExpirySeconds": client_expiry_seconds,
        }
        body = json_of({field: value for field, value in fields.items() if value is not None})

        def register(attempt: Attempt) -> Registration:
            return self._send(attempt, "POST", path_of("clients"), Registration.from_json, body=body)

        def attempt(given: Attempt) -> Registration:
            try:
                return register(given)
            except HoldfastError as error:
                # A client id that the caller chose may have been another's before.
                if not given.is_repeated or error.code not in ("client-exists", "name-taken") or client_id is not None:
                    raise
            # The client of the attempt before, whose answer is gone: this one takes its place.
            self._remove(given, path_of("clients", own), "user-not-found")
            return register(given)

        return with_retries(self._options, attempt)

    def unregister(self, client_id: str) -> None:
        """Forgets a client, and closes its connection."""
        path = path_of("clients", client_id)
        with_retries(self._options, lambda attempt: self._remove(attempt, path, "user-not-found"))

    def subscribe(self, client_id: str, topics: Sequence[str]) -> ClientTopics:
        body = json_of({"topics": topic_list(topics)})
        return self._call("POST", path_of("clients", client_id, "topics"), ClientTopics.from_json, body=body)

    def unsubscribe(self, client_id: str, topics: Sequence[str]) -> ClientTopics:
        body = json_of({"topics": topic_list(topics)})
        return self._call("DELETE", path_of("clients", client_id, "topics"), ClientTopics.from_json, body=body)

    def get_client(self, client_id: str) -> ClientDetails:
        return self._call("GET", path_of("clients", client_id), ClientDetails.from_json)

    def create_topic(
        self,
        topic: str,
        *,
        history_size: Optional[int] = None,
        history_seconds: Optional[int] = None,
        expire_seconds: Union[int, None, Unchanged] = UNCHANGED,
        presence: Union[PresenceOptions, None, Unchanged] = UNCHANGED,
    ) -> Topic:
        """Makes a topic, or changes the settings of the one that is there.

        expire_seconds: it is deleted when for so long nothing was published and no client was connected to it; None: never.
        presence: who counts as present, and what is shown of it; None: it has no presence.
        """
        history = {"size": history_size, "seconds": history_seconds}
        settings: dict[str, Any] = {"history": {name: value for name, value in history.items() if value is not None}}
        if not isinstance(expire_seconds, Unchanged):
            settings["expireSeconds"] = expire_seconds
        if not isinstance(presence, Unchanged):
            settings["presence"] = None if presence is None else presence.to_json()
        return self._call("PUT", path_of("topics", topic), Topic.from_json, body=json_of(settings))

    def delete_topic(self, topic: str) -> None:
        path = path_of("topics", topic)
        with_retries(self._options, lambda attempt: self._remove(attempt, path, "topic-not-found"))

    def get_user(self, user: str) -> UserDetails:
        """Whether a user is connected, and with how many clients."""
        return self._call("GET", path_of("users", user), UserDetails.from_json)

    def presence(self, topic: str, *, cursor: Optional[str] = None, limit: Optional[int] = None) -> PresencePage:
        """Who is present on a topic: a page, from the cursor of the page before it."""
        query = {"cursor": cursor, "limit": limit}
        return self._call("GET", path_of("topics", topic, "presence"), PresencePage.from_json, query=query)

    def disconnect_user(self, user: str) -> DisconnectedUser:
        """Ends the connections of a user; its registrations stay."""
        return self._call("POST", path_of("users", user, "disconnect"), DisconnectedUser.from_json)

    def revoke_user(self, user: str, *, issued_before: Optional[datetime] = None) -> Revoked:
        """Refuses all tokens of a user that were issued before (now), as after a logout, and ends their connections."""
        before = (issued_before or datetime.now(timezone.utc)).astimezone(timezone.utc)
        body = json_of({"issuedBefore": before.isoformat()})
        return self._call("POST", path_of("users", user, "revoke"), Revoked.from_json, body=body)


def _results(value: Any) -> list[BatchResult]:
    return [BatchResult.from_json(each) for each in value["results"]]
