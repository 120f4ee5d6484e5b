"""The Python driver with one fault, named by its argument: each scenario has to find one of them."""

import asyncio
import sys

import client


class IgnoresRetryAfter(client.Client):
    def delay(self, asked):
        return super().delay(None)


class NeverRefused(client.Client):
    def refused_for_good(self, refused):
        return None


class ConstantDelay(client.Client):
    def delay(self, asked):
        return 1.0


class ComesBack(client.Client):
    async def run(self):
        reason = await super().run()
        self.again = asyncio.ensure_future(self.come_back())
        return reason

    async def come_back(self):
        await asyncio.sleep(1)
        await self.connect()


class NoFragments(client.WebSocket):
    async def read_part(self):
        _, opcode, payload = await super().read_part()
        return True, opcode, payload


FAULTS = {
    "waits a second before each attempt": lambda: ConstantDelay,
    "comes back a second after it has stopped": lambda: ComesBack,
    "ignores Retry-After": lambda: IgnoresRetryAfter,
    "tries again whatever the refusal": lambda: NeverRefused,
    "takes each fragment for a message": lambda: without_fragments(),
}


def without_fragments():
    client.WebSocket = NoFragments
    return client.Client


if __name__ == "__main__":
    asyncio.run(client.main(FAULTS[sys.argv[1]]()))
