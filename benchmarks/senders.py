"""The load: checkouts that post signed events over kept connections. A program of its own, so that its CPU is told from ours.

`python -m benchmarks.senders URL SECRET --events N --senders N [--rate N]` prints one JSON object: acknowledgements in ms, statuses, seconds, times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime
from urllib.parse import urlsplit

from webapp.sources.cartwheel import signed


def event(number: int, tag: str) -> bytes:
    """An order of one product by a customer of its own."""
    now = datetime.now(UTC).isoformat()
    customer = {"email": f"{tag}{number}@load.test", "first_name": "Load"}
    data = {"order_id": f"{tag}{number}", "customer": customer, "items": [{"product_id": "ads-101", "kind": "primary"}]}
    return json.dumps({"type": "order.created", "timestamp": now, "data": data}).encode()


def request(url: str, secret: str, number: int, tag: str) -> bytes:
    """The whole HTTP request of one signed event."""
    parts, body = urlsplit(url), event(number, tag)
    headers = {"Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
    headers |= signed(secret, f"{tag}-{number}", datetime.now(UTC), body)
    head = f"POST {parts.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


class Load:
    """What is sent, and what came back."""

    def __init__(self, url: str, secret: str, events: int, rate: float, tag: str) -> None:
        self.url, self.secret, self.events, self.rate, self.tag = url, secret, events, rate, tag
        self.numbers = iter(range(events))
        self.acks: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.began = 0.0
        self.sent_at: list[float] = []

    async def send_all(self, senders: int) -> None:
        """Send everything over so many connections."""
        self.began = time.perf_counter()
        await asyncio.gather(*(self._sender() for _ in range(senders)))

    async def _sender(self) -> None:
        host = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        for number in self.numbers:
            if self.rate:
                await asyncio.sleep(max(0.0, self.began + number / self.rate - time.perf_counter()))
            raw = request(self.url, self.secret, number, self.tag)
            self.sent_at.append(time.time())
            began = time.perf_counter()
            writer.write(raw)
            status = await _status(reader)
            self.acks.append((time.perf_counter() - began) * 1000)
            self.statuses[status] += 1
        writer.close()


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


def main() -> None:
    """Read the arguments, send, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.senders")
    parser.add_argument("url")
    parser.add_argument("secret")
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.0, help="events a second; 0: back to back")
    parser.add_argument("--tag", default="a")
    given = parser.parse_args()
    load = Load(given.url, given.secret, given.events, given.rate, given.tag)
    asyncio.run(load.send_all(given.senders))
    seconds = time.perf_counter() - load.began
    print(json.dumps({"acks": load.acks, "statuses": dict(load.statuses), "seconds": seconds, "sent_at": load.sent_at}))


if __name__ == "__main__":
    main()
