"""Requests to addresses that people type in: https, to public addresses of the internet alone, no redirects, one deadline, little is read.

The name is looked up once, and the very address that was found to be public is connected to: an answer that changes between two
look-ups (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import requests

from webapp.apps.transport import Adapter, Forbidden, causes, clock

DEADLINE, CONNECT = 10.0, 5.0
"""Seconds: from the beginning to the end of the answer, and of them until there is a connection."""

MOST_BYTES = 16 * 1024
"""What is read of an answer at most."""

GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""What of IPv6 is routed in the internet; all that only wraps an IPv4 address lies elsewhere, or in `WRAPPED`."""

WRAPPED = tuple(ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))


class NotDone(Exception):
    """The request was not made, or not answered as it should be: a sentence. `for_good`: it would be no better next time."""

    def __init__(self, sentence: str, *, for_good: bool = False) -> None:
        super().__init__(sentence)
        self.for_good = for_good


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet: not this machine, its network, or a group of machines."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        return found in GLOBAL_V6 and not any(found in network for network in WRAPPED)
    return found.is_global and not found.is_multicast


def check(url: str) -> str:
    """The host of an address that may be asked. Raises NotDone for good, with what is wrong about it, where it can be told without a look-up."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError:
        host, port = "", 0
    if not host or not port or parts.scheme != "https" or parts.username or not url.isascii() or not url.isprintable() or " " in url:
        raise NotDone("The address must begin with https:// and have no user or password in it.", for_good=True)
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        if not is_public(host):
            raise NotDone(f"{host} is not a public address.", for_good=True)
    return host


def post(url: str, content: Mapping[str, object], *, allowed: Callable[[str], bool] = is_public) -> None:
    """Post JSON to an address. Raises NotDone for any answer but a 2xx."""
    host = check(url) if allowed is is_public else urlsplit(url).hostname or ""
    clock.start(DEADLINE, CONNECT)
    request = requests.Request("POST", url, data=json.dumps(content).encode(), headers=HEADERS).prepare()
    adapter = Adapter(allowed=allowed, pool_connections=1, pool_maxsize=1)
    try:
        with contextlib.closing(adapter.send(request, stream=True, timeout=(CONNECT, DEADLINE))) as answer:
            answer.raw.read(MOST_BYTES)
    except Exception as fault:  # of requests, urllib3, http.client, ssl: whatever a network and a server bring about
        raise _not_done(host, fault) from None
    finally:
        adapter.close()
    if not 200 <= answer.status_code < 300:
        gone = answer.status_code in (400, 403, 404, 410)
        raise NotDone(f"{host} answered {answer.status_code}.", for_good=gone)


HEADERS = {"Content-Type": "application/json", "User-Agent": "Cartwheel", "Accept-Encoding": "identity"}


def _not_done(host: str, fault: BaseException) -> NotDone:
    """What went wrong, in our own words: the library's may quote the address, which is a secret."""
    kinds = tuple(causes(fault))
    if any(isinstance(one, Forbidden) for one in kinds):
        return NotDone(f"{host} leads to no public address.", for_good=True)
    if any(isinstance(one, socket.gaierror | UnicodeError) for one in kinds):
        return NotDone(f"Nobody knows the name {host}.")
    if any(isinstance(one, TimeoutError | requests.Timeout) for one in kinds):
        return NotDone(f"{host} did not answer within {DEADLINE:g} seconds.")
    if any(isinstance(one, ssl.SSLError) for one in kinds):
        return NotDone(f"{host} has no certificate that can be trusted.")
    return NotDone(f"There was no connection to {host}.")
