"""A sink that stands for Circle: it takes invites, answers after a while, and remembers who came when. Nothing is checked here.

`python -m benchmarks.sink --latency 0.05` prints its address. `GET /count` and `GET /calls` tell what came.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from functools import partial
from typing import Any


class Sink(asyncio.Protocol):
    """One kept connection: as little HTTP as `requests` needs."""

    def __init__(self, latency: float, calls: list[dict[str, Any]]) -> None:
        self._latency, self._calls = latency, calls
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            self._take(head.split(b" ", 2), body)

    def _take(self, line: list[bytes], body: bytes) -> None:
        if line[0] == b"get":
            asked = {"count": len(self._calls)} if line[1] == b"/count" else self._calls
            self._answer(200, json.dumps(asked).encode())
            return
        self._calls.append({"at": time.time(), "body": body.decode()})
        answer = b'{"message":"This user has been invited to the community.","community_member":{"id":%d}}' % len(self._calls)
        asyncio.get_running_loop().call_later(self._latency, partial(self._answer, 201, answer))

    def _answer(self, status: int, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self._transport.write(head.encode() + body)


async def _serve(latency: float) -> None:
    calls: list[dict[str, Any]] = []
    server = await asyncio.get_running_loop().create_server(lambda: Sink(latency, calls), "127.0.0.1", 0, backlog=512)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sink")
    parser.add_argument("--latency", type=float, default=0.05)
    asyncio.run(_serve(parser.parse_args().latency))


if __name__ == "__main__":
    main()
