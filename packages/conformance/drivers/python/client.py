"""A small client of docs/protocol.md as a driver of the conformance kit: profiles core and native.

Standard library only, with a WebSocket of its own (RFC 6455). It shows what a client needs, and that the kit is not bound
to a language. It is no SDK.
"""

import asyncio
import base64
import hashlib
import json
import os
import random
import re
import struct
import sys
import time
from urllib.parse import urlencode, urlsplit

CONTINUATION, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
MAX_FRAME_BYTES = 64 * 1024
WELCOME_WITHIN_S = 10
STABLE_S = 5
NO_CLOSE_FRAME = 1006
POSITION = re.compile(r"(0|[1-9]\d{0,14})-(0|[1-9]\d{0,14})")
# What ends the client, with the reason that the application sees; other codes mean: connect again.
STOPS = {4400: "bad-frame", 4401: "expired", 4403: "disconnected", 4409: "replaced", 4410: "unregistered"}
ASKS_FOR_BACKOFF = {1013, 4429}
REFUSED_ALONE = {"unknown-client": "unregistered", "token-expired": "expired", "token-revoked": "expired"}


def emit(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def order(position):
    return tuple(map(int, position.split("-")))


class Refused(Exception):
    def __init__(self, status, code, retry_after):
        super().__init__(f"{status} {code}")
        self.status, self.code, self.retry_after = status, code, retry_after


class Ended(Exception):
    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """A connection without extensions, from its handshake to its end."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, base, query):
        url = urlsplit(base)
        reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET {url.path.rstrip('/')}/v1/connect?{urlencode(query)} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: holdfast.v1\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if status != 101:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            writer.close()
            raise Refused(status, json.loads(body or b"{}").get("code"), headers.get("retry-after"))
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        if headers.get("sec-websocket-accept") != accept.decode():
            raise Ended(NO_CLOSE_FRAME)
        return cls(reader, writer)

    def write(self, opcode, payload):
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
        stream = (mask * (size // 4 + 1))[:size]
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
        self.writer.write(head + mask + masked.to_bytes(size, "big"))

    def send(self, frame):
        self.write(TEXT, json.dumps(frame, separators=(",", ":")).encode())

    async def read_part(self):
        first, second = await self.reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 0x80, first & 0x0F, await self.reader.readexactly(size)

    async def receive(self, partial):
        """One frame of RFC 6455. Gives a text once it is whole, None otherwise; raises Ended for a close frame."""
        final, opcode, payload = await self.read_part()
        if opcode == PING:
            self.write(PONG, payload)
        elif opcode == CLOSE:
            self.write(CLOSE, payload[:2])
            code = struct.unpack("!H", payload[:2])[0] if payload else 1005
            raise Ended(code, payload[2:].decode())
        elif opcode in (TEXT, CONTINUATION):
            partial.append(payload)
            if final:
                text = b"".join(partial)
                partial.clear()
                return text.decode()
        return None


class Client:
    def __init__(self, config):
        self.urls = config["urls"]
        self.client_id = config["clientId"]
        self.next_url = random.randrange(len(self.urls))
        self.positions = {}
        self.last = {}
        self.failures = 0
        self.socket = None

    def next(self):
        url = self.urls[self.next_url % len(self.urls)]
        self.next_url += 1
        return url

    async def run(self):
        """Connects again and again; gives the reason for which it must not any more."""
        while True:
            self.welcomed_at = None
            try:
                wait = await self.connect()
            except Refused as refused:
                reason = self.refused_for_good(refused)
                if reason is not None:
                    return reason
                wait = self.delay(refused.retry_after)
            except Ended as ended:
                if ended.code in STOPS:
                    return STOPS[ended.code]
                wait = self.wait_after(ended)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, KeyError, TypeError):
                # Cut, silent, or it sent what is no frame: a resume brings what was in it.
                wait = self.wait_after(Ended(NO_CLOSE_FRAME))
            finally:
                if self.socket is not None:
                    self.socket.writer.close()
                    self.socket = None
            await asyncio.sleep(wait)

    def refused_for_good(self, refused):
        if refused.code in REFUSED_ALONE:
            return REFUSED_ALONE[refused.code]
        return None if refused.status == 429 or refused.status >= 500 else "refused"

    def wait_after(self, ended):
        was_stable = self.welcomed_at is not None and time.monotonic() - self.welcomed_at >= STABLE_S
        if was_stable and ended.code not in ASKS_FOR_BACKOFF:
            self.failures = 0
        asked = re.fullmatch(r"retry-after-ms=(\d+)", ended.reason) if ended.code == 1012 else None
        return self.delay(int(asked[1]) / 1000 if asked else None)

    def delay(self, asked):
        """In seconds. A time that an edge asks for takes the place of the back-off."""
        bound = min(15, 0.25 * 2**self.failures)
        self.failures += 1
        return float(asked) if asked is not None else random.uniform(0, bound)

    async def connect(self):
        query = {"client": self.client_id, **({"resume": 1} if self.positions else {})}
        deadline = time.monotonic() + WELCOME_WITHIN_S
        self.socket = socket = await asyncio.wait_for(WebSocket.open(self.next(), query), WELCOME_WITHIN_S)
        for frame in resume_frames(self.positions) if self.positions else ():
            socket.send(frame)
        heartbeat, pinged, partial = None, False, []
        reading = None
        while True:
            reading = reading or asyncio.ensure_future(socket.receive(partial))
            silence = deadline - time.monotonic() if heartbeat is None else heartbeat * (1.5 if pinged else 1)
            try:
                text = await asyncio.wait_for(asyncio.shield(reading), max(silence, 0))
            except asyncio.TimeoutError:
                if heartbeat is None or pinged:
                    reading.cancel()
                    raise
                socket.send({"type": "ping"})
                pinged = True
                continue
            reading, pinged = None, False
            if text is not None:
                frame = json.loads(text)
                if frame["type"] == "welcome":
                    heartbeat = frame["heartbeatMs"] / 1000
                    self.welcomed_at = time.monotonic()
                self.take(frame)

    def take(self, frame):
        kind = frame["type"]
        if kind == "welcome":
            self.welcome(frame["topics"])
        elif kind == "message":
            self.message(frame["topic"], frame["id"], frame["data"])
        elif kind == "subscribed":
            self.positions[frame["topic"]] = canonical(frame["position"])
        elif kind == "unsubscribed":
            self.forget(frame["topic"])
        elif kind == "lost":
            self.lost(frame["topic"], frame["after"], frame["position"])

    def welcome(self, topics):
        for topic in set(self.positions) - set(topics):
            self.forget(topic)
        for topic, now in topics.items():
            # Recovered: the missed messages move the position. Not recovered: a lost frame follows, and does.
            if topic not in self.positions:
                self.positions[topic] = canonical(now["position"])

    def message(self, topic, position, data):
        last = self.last.get(topic)
        if last is not None and order(canonical(position)) <= order(last):
            return
        self.positions[topic] = self.last[topic] = canonical(position)
        emit("message", topic=topic, id=position, data=data)

    def lost(self, topic, after, position):
        last = self.last.get(topic)
        if last is not None and order(canonical(position)) < order(last):
            del self.last[topic]
        self.positions[topic] = position
        emit("lost", topic=topic, after=after, position=position)

    def forget(self, topic):
        self.positions.pop(topic, None)
        self.last.pop(topic, None)

    def close(self):
        if self.socket is not None:
            self.socket.write(CLOSE, struct.pack("!H", 1000))


def canonical(position):
    if POSITION.fullmatch(position) is None:
        raise ValueError(f"not a position: {position}")
    return position


def resume_frames(positions):
    """As many frames as the positions need, the topics that begin with @ first."""
    frames, size = [{}], 0
    for topic in sorted(positions, key=lambda name: not name.startswith("@")):
        entry = len(json.dumps(topic)) + len(positions[topic]) + 4
        if size + entry > MAX_FRAME_BYTES - 100:
            frames.append({})
            size = 0
        frames[-1][topic] = positions[topic]
        size += entry
    more = [True] * (len(frames) - 1) + [False]
    return [{"type": "resume", "positions": part, **({"more": True} if rest else {})} for part, rest in zip(frames, more)]


async def main(client_class=Client):
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    client = client_class(json.loads(await lines.readline()))
    running = asyncio.ensure_future(client.run())
    running.add_done_callback(lambda done: done.cancelled() or emit("closed", reason=done.result()))
    while line := await lines.readline():
        if json.loads(line)["command"] == "close":
            client.close()
            running.cancel()
            emit("closed", reason="closed")


if __name__ == "__main__":
    asyncio.run(main())
