"""A worker in slow motion: claim, call and record are steps of their own, between which anything may happen. As `workers.drain` does it.

What it has not committed is lost with it. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from simulation.house import House, key_of
from webapp.apps import Answer, Call
from webapp.engine import corrections, lanes, recording
from webapp.engine.lanes import CLAIM_FOR
from webapp.engine.work import Work

TRUST = timedelta(hours=24)
"""How long a belief is trusted: the setting's default."""

RENEW_AFTER = timedelta(seconds=8)
"""As in `workers.drain`: a claim that waits for its turn is renewed when it is so old."""


class Listener(Protocol):
    """Whoever follows what a worker does."""

    def begun(self, work: Work) -> None:
        """A lane was claimed."""

    def calling(self, work: Work) -> bool:
        """A call is about to be made. False where none can be: nobody counts them just now."""

    def heard(self, work: Work, call: Call, answer: Answer) -> None:
        """A call was made."""

    def written(self, work: Work, over: bool) -> None:
        """What was made is committed; `over`: and the lane given back."""

    def dropped(self, work: Work) -> None:
        """The work is out of this worker's hands without having been written down."""


@dataclass(slots=True)
class Job:
    """A claimed lane in the worker's hands, held since the claim was renewed last.

    `made`: a call with its answer, not committed yet; `call`: the next one; neither: it is done.
    """

    work: Work
    call: Call | None
    since: datetime
    made: recording.Made | None = None

    @property
    def ready(self) -> bool:
        """Whether its next call may be made: what came before it is committed."""
        return self.call is not None and self.made is None


@dataclass
class Worker:
    """One worker process. `listen` hears of all that it does."""

    house: House
    name: str
    listen: Listener
    jobs: list[Job] = field(default_factory=list)
    claims: int = 0

    def claim(self, most: int, dice: float, crash: bool = False) -> int:
        """Take up to so many due lanes; what is held for long is held on to first. Returns how many were taken. Raises Crash."""
        house = self.house
        self.record(dice, [job for job in self.jobs if job.ready and house.now - job.since > RENEW_AFTER])
        self.claims += 1
        token = f"{self.name} {self.claims}"
        with house.write(crash and dice < 0.5) as session:
            taken = lanes.take(session, lanes.waiting(session, house.now), lanes.Room(most, most), token, house.now)
        with house.write(crash) as session:
            works = lanes.brief(session, taken, token, house.now, TRUST)
            corrections.put_right(session, works, house.now, house.new_id)
        for work in works:
            self.listen.begun(work)
            if work.seat.watch_only:
                work.watch()
            self.jobs.append(Job(work, None if work.seat.watch_only else work.next_call(), house.now))
        return len(works)

    def call(self, job: Job) -> None:
        """Make a job's next call, and learn from its answer."""
        if job.call is None or not self.listen.calling(job.work):
            return
        call, work = job.call, job.work
        answer = self.house.wires[work.seat.id].client(key_of(work.seat.sealed)).send(call)
        job.made = recording.Made(work, call, answer, self.house.now)
        self.listen.heard(work, call, answer)
        work.take_answer(call, answer)
        job.call = work.next_call()

    def record(self, dice: float, jobs: Sequence[Job] | None = None, crash: bool = False) -> None:
        """Write down what was made and what is finished, and hold on to the rest, in one transaction; of all jobs or of these. Raises Crash."""
        jobs = self.jobs if jobs is None else jobs
        if not jobs:
            return
        made = [job.made for job in jobs if job.made]
        finished = [job.work for job in jobs if job.call is None]
        going_on = [job.work for job in jobs if job.call is not None]
        with self.house.write(crash) as session:
            written = recording.record(session, made, going_on, finished, self.house.now, self.house.new_id, dice)
        for work in {id(w): w for w in [*(m.work for m in made), *finished]}.values():
            work.is_stored()
        lost = {id(job) for job in jobs if job.work.hold in written.lost}
        over = {id(job) for job in jobs if job.call is None} | lost
        for job in jobs:
            job.made, job.since = None, self.house.now
            if id(job) in lost:
                self.listen.dropped(job.work)
            else:
                self.listen.written(job.work, job.call is None)
        self.jobs = [job for job in self.jobs if id(job) not in over]
        if written.stopped:
            self._let_go()

    def _let_go(self) -> None:
        """The integration must not be called any more: what was to call it is given back."""
        left = [job for job in self.jobs if job.ready]
        with self.house.write() as session:
            recording.give_back(session, [job.work for job in left], self.house.now)
        for job in left:
            self.listen.dropped(job.work)
            self.jobs.remove(job)

    def die(self) -> None:
        """Killed: what it had not committed is gone."""
        for job in self.jobs:
            self.listen.dropped(job.work)
        self.jobs = []

    def give_back(self, dice: float) -> None:
        """Told to stop: what has come is written down, the rest is for whoever comes next."""
        left = [job for job in self.jobs if job.call is not None]
        self.record(dice)
        with self.house.write() as session:
            recording.give_back(session, [job.work for job in left], self.house.now)
        self.die()

    def drain(self, dice: Callable[[], float], rounds: int = 200) -> None:
        """Work until nothing is due. AssertionError where there is always more to do."""
        for _ in range(rounds):
            if not self.claim(16, dice()) and not self.jobs:
                return
            while self.jobs:
                for job in [job for job in self.jobs if job.ready]:
                    self.call(job)
                if all(job.ready for job in self.jobs):
                    return  # no call can be made just now
                self.record(dice())
        raise AssertionError("there is always more to do")


__all__ = ["CLAIM_FOR", "TRUST", "Job", "Listener", "Worker"]
