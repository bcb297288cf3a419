"""The browsers of open log pages: connections that read what they are told. A program of its own, so that its CPU is told from ours.

`python -m benchmarks.readers HOST PORT COOKIE` reads the addresses of streams, one a line, and prints a line when each has had its first
message. Told how many new entries there have been, it waits until every page has heard of as many, and prints what the pages heard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from urllib.parse import parse_qs, urlsplit

PATIENCE = 20.0
ROW = re.compile(rb'role="row" id="entry-(\d+)"|data-more="(\d+)"')


class Reader(asyncio.Protocol):
    """One page: the entries that are new to it, and how many more it was only told the number of."""

    def __init__(self, address: str, host: str, cookie: str) -> None:
        self.request = f"GET {address} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n\r\n".encode()
        self.top = int(parse_qs(urlsplit(address).query)["top"][0])
        self.fresh: set[int] = set()
        self.more = self.read = 0
        self.lost = False
        self.begun = asyncio.Event()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101  for mypy
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Note what it says, and forget it."""
        self.read += len(data)
        whole, end, self._rest = (self._rest + data).rpartition(b"\n")
        if end and not self.begun.is_set() and b"\nid: " in whole:
            self.begun.set()
        for entry, more in ROW.findall(whole):
            if more:
                self.more += int(more)
            elif int(entry) > self.top:
                self.fresh.add(int(entry))

    def connection_lost(self, exc: Exception | None) -> None:
        """No page should lose its connection."""
        self.lost = True

    @property
    def told(self) -> int:
        """How many new entries it knows of."""
        return len(self.fresh) + self.more


async def read(host: str, port: int, cookie: str) -> None:
    """Open what is asked for, and read."""
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    readers = []
    while address := (await lines.readline()).decode().strip():
        readers.append(Reader(address, host, cookie))
    began = time.perf_counter()
    await asyncio.gather(*(loop.create_connection(lambda reader=reader: reader, host, port) for reader in readers))  # type: ignore[misc]
    await asyncio.wait_for(asyncio.gather(*(reader.begun.wait() for reader in readers)), PATIENCE)
    print(json.dumps({"seconds": time.perf_counter() - began}), flush=True)
    wanted = int(await lines.readline())
    end = time.monotonic() + PATIENCE
    while any(reader.told < wanted for reader in readers) and time.monotonic() < end:
        await asyncio.sleep(0.05)
    heard = [reader.told for reader in readers]
    print(json.dumps({"heard": heard, "lost": sum(reader.lost for reader in readers), "bytes": sum(reader.read for reader in readers)}))


def main() -> None:
    """Read the arguments, then the streams."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("cookie")
    given = parser.parse_args()
    asyncio.run(read(given.host, given.port, given.cookie))


if __name__ == "__main__":
    main()
