"""Questions about this machine: is a port free, does something answer. Nothing is started here."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

PATIENCE = 1.0
"""Seconds to wait for an answer from this machine."""


def why_not_free(port: int) -> str | None:
    """Why the web process could not listen on a port, in a sentence; None where it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except PermissionError:
            return f"Port {port} may not be opened by this user. PORT names another: PORT=8000 make run"
        except OSError:
            return f"Port {port} is taken by another program. PORT names another: PORT={_next(port)} make run"
    return None


def free_port() -> int:
    """A port on the loopback that nothing listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Whether something takes connections on this port of the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asked:
        asked.settimeout(PATIENCE)
        return asked.connect_ex(("127.0.0.1", port)) == 0


def answers(port: int, path: str) -> bool:
    """Whether http://127.0.0.1:port/path answers with 200."""
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        asked.request("GET", path)
        return asked.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asked.close()


def valkey_answers(path: Path) -> bool:
    """Whether a Valkey listens on this Unix socket and is ready."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(PATIENCE)
        try:
            asked.connect(str(path))
            asked.sendall(b"PING\r\n")
            return asked.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _next(port: int) -> int:
    return next((other for other in range(port + 1, min(port + 100, 65535)) if is_free(other)), 8000)
