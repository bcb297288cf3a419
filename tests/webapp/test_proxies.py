"""Behind proxies: who asked is what as many as are trusted say, and nobody else."""

from __future__ import annotations

import pytest
from flask import Flask, request

from webapp import proxies

SAID = {
    "X-Forwarded-For": "6.6.6.6, 203.0.113.7, 10.0.0.2",
    "X-Forwarded-Proto": "http, https, http",
    "X-Forwarded-Host": "evil.test, shop.test, inner",
}


@pytest.mark.parametrize(
    ("trusted", "address", "url"),
    [(0, "127.0.0.1", "http://localhost/"), (1, "10.0.0.2", "http://inner/"), (2, "203.0.113.7", "https://shop.test/")],
)
def test_the_nearest_ones_are_believed(trusted: int, address: str, url: str) -> None:
    app = Flask(__name__)
    proxies.register(app, trusted)

    @app.get("/")
    def who() -> list[str | None]:
        return [request.remote_addr, request.url]

    assert app.test_client().get("/", headers=SAID).json == [address, url]
