"""The bell: heard once however often it rings, with a fresh job each time, and nobody waits for Redis or hears of its death."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.job import Job

from tests.workers.processes import until
from webapp import doorbell
from webapp.doorbell import CHORES, FLAG, FLAG_SECONDS, NEWS, QUEUE, Bell

PATIENCE = 30.0


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with doorbell.connect(redis_url) as connection:
        yield connection


def jobs(server: redis.Redis, queue: str = QUEUE) -> list[Job]:
    return Queue(queue, connection=server).jobs


def test_many_rings_are_one_job_without_any_work_in_it(server: redis.Redis) -> None:
    assert [doorbell.ring(server) for _ in range(3)] == [True, False, False]
    (job,) = jobs(server)
    assert (job.func_name, job.args, job.kwargs) == ("workers.jobs.work", (), {})
    assert (job.result_ttl, job.failure_ttl) == (0, 0)  # nothing of it stays that a ring could be refused for
    assert job.timeout > 3600


def test_after_the_flag_is_down_a_ring_is_a_new_job_with_an_id_of_its_own(server: redis.Redis) -> None:
    doorbell.ring(server)
    doorbell.unring(server)
    assert doorbell.ring(server)
    assert len({job.id for job in jobs(server)}) == 2


def test_a_crash_between_flag_and_job_costs_no_more_than_seconds(server: redis.Redis) -> None:
    doorbell.ring(server)
    assert 0 < server.pttl(FLAG) <= FLAG_SECONDS * 1000 <= 10_000


def test_a_redis_that_forgot_everything_hears_the_next_ring(server: redis.Redis) -> None:
    doorbell.ring(server)
    server.flushall()
    assert doorbell.ring(server)
    assert len(jobs(server)) == 1


def test_a_chore_has_a_queue_of_its_own(server: redis.Redis) -> None:
    doorbell.call_for(server, "workers.jobs.refresh_catalog", 7)
    doorbell.call_for(server, "workers.jobs.refresh_catalog", 7)
    assert jobs(server) == []
    assert [(job.func_name, job.args) for job in jobs(server, CHORES)] == [("workers.jobs.refresh_catalog", (7,))] * 2


def test_the_bell_passes_on_what_was_said(server: redis.Redis) -> None:
    with server.pubsub() as listener:
        listener.subscribe(NEWS)
        assert listener.get_message(timeout=PATIENCE)["type"] == "subscribe"
        bell = Bell(server)
        bell.ring((3, 5))
        bell.chore("workers.jobs.refresh_catalog", 7)
        assert bell.flush(PATIENCE)
        heard = listener.get_message(timeout=PATIENCE)
        assert sorted(heard["data"].split(b",")) == [b"3", b"5"]
    assert (len(jobs(server)), len(jobs(server, CHORES))) == (1, 1)


def test_mere_news_make_no_job(server: redis.Redis) -> None:
    bell = Bell(server)
    bell.ring((3,), work=False)
    assert bell.flush(PATIENCE)
    assert jobs(server) == []


def test_a_bell_that_nobody_has_touched_is_silent(server: redis.Redis) -> None:
    assert Bell(server).flush(0)


class Gone:
    """A Redis that takes its time to say that it is not there."""

    def __getattr__(self, name: str) -> Any:
        raise redis.ConnectionError("nobody at redis://:hush@h")


def test_nobody_hears_of_a_redis_that_is_gone(server: redis.Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bell = Bell(doorbell.connect(f"unix://{tmp_path}/nobody.sock"))
    bell.ring((3,))
    assert bell.flush(PATIENCE)
    bell.redis = Gone()  # type: ignore[assignment]
    bell.ring((3,))
    bell.chore("workers.jobs.refresh_catalog", 7)
    assert bell.flush(PATIENCE)
    assert "did not hear" in caplog.text
    assert "hush" not in caplog.text
    bell.redis = server  # back again
    until(lambda: len(jobs(server)) == 1)  # the ring that was not heard
    bell.ring()
    assert bell.flush(PATIENCE)
    assert len(jobs(server)) == 1


def test_a_bell_that_is_closed_tries_no_more(tmp_path: Path) -> None:
    bell = Bell(doorbell.connect(f"unix://{tmp_path}/nobody.sock"))
    bell.ring()
    assert bell.flush(PATIENCE)
    bell.close()
    assert bell._thread
    bell._thread.join(PATIENCE)
    assert not bell._thread.is_alive()
