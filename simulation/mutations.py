"""One-line faults in the engine, to prove that the simulation can fail: each is caught by the seed beside it.

`python -m simulation.mutations` looks for seeds that catch them, as must be done anew when what is drawn has changed.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

from simulation.play import run

FURTHEST = 500
"""Seeds that are tried for one that catches a fault."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """A fault: in this function of this module the line `right` becomes `wrong`. `means`: what it does; `seed`: a run that shows it."""

    means: str
    module: str
    function: str
    right: str
    wrong: str
    seed: int


MUTATIONS = (
    Mutation("A refund takes what other purchases grant", "webapp.engine.access", "_closed", " and _meant(m, purchase, record)", "", 101),
    Mutation(
        "Who is removed from the community keeps its places",
        "webapp.engine.access",
        "_verdict",
        "(target, record.membership)  #",
        "(target,)  #",
        136,
    ),
    Mutation(
        "A removal wins over an add of the same message",
        "webapp.engine.access",
        "Mark.order",
        'self.op in ("open", "lift")',
        'self.op not in ("open", "lift")',
        1,
    ),
    Mutation(
        "Timed access never ends", "webapp.engine.access", "_ends_at", "opening.until if opening.until", "FOR_GOOD if opening.until", 1
    ),
    Mutation(
        "A recovery does not undo a removal that waits",
        "webapp.engine.access",
        "undone_by",
        "if not mark.recoverable",
        "if mark.recoverable",
        110,
    ),
    Mutation(
        "The newest clearing does not count",
        "webapp.engine.access",
        "_verdict",
        "(_closed(purchase, reach, stands, record), clear)",
        "(_closed(purchase, reach, stands, record), None)",
        14,
    ),
    Mutation(
        "A bought product does not undo its abandoned cart",
        "webapp.engine.happenings",
        "_weigh_prospects",
        "if fired.trigger == PROSPECT and",
        "if fired.trigger != PROSPECT and",
        2,
    ),
    Mutation(
        "What a late message refutes counts on", "webapp.engine.revisions", "refute", "values(void=never_was)", "values(void=False)", 61
    ),
    Mutation(
        "Nobody looks at a lane again when time gives or takes something",
        "webapp.engine.recording",
        "_finish",
        "_first(looks[work.hold], work.changes_at)",
        "looks[work.hold]",
        11,
    ),
    Mutation(
        "Nobody looks at a lane again after a message came",
        "webapp.engine.book",
        "Book._make_due",
        "set(self.lanes.values()) - set(self.fresh)",
        "set(self.fresh) - set(self.lanes.values())",
        2,
    ),
    Mutation(
        "A lane whose worker died is never taken again",
        "webapp.engine.lanes",
        "renew",
        "claimed_until=until, due_at=until",
        "claimed_until=until, due_at=None",
        1,
    ),
    Mutation(
        "What was learned is not written down",
        "webapp.engine.recording",
        "_beliefs",
        "    if changed:",
        "    if changed and not changed:",
        5,
    ),
    Mutation(
        "An invitation carries nothing",
        "webapp.apps.circle.plan",
        "_invite",
        "known, want.membership, carried, want",
        "known, want.membership, carried[:0], want",
        1,
    ),
    Mutation(
        "What is certain is asked again",
        "webapp.apps.circle.plan",
        "_agrees",
        "belief is not None and belief.fresh and",
        "belief is not None and not belief.fresh and",
        14,
    ),
    Mutation("The same message counts twice", "webapp.engine.intake", "_event", '"key": message.key', '"key": f"{message.key} {event}"', 2),
    Mutation("A grant by hand can't be ended", "webapp.engine.granting", "_end_grants", "opened - ended", "opened - opened", 41),
    Mutation(
        "What is given back leaves the membership taken away",
        "webapp.engine.access",
        "taken_away",
        "target in (m.target, membership)",
        "target == m.target",
        41,
    ),
    Mutation(
        "Whose membership was taken away by hand keeps their places",
        "webapp.engine.access",
        "taken_away",
        "m.target == membership or (",
        "m.target == target or (",
        41,
    ),
    Mutation(
        "A refund of an order that nobody knows takes what any order grants",
        "webapp.engine.access",
        "_meant",
        " and not mine.named",
        "",
        126,
    ),
    Mutation(
        "What is canceled happens all the same", "webapp.engine.entries", "cancel", "        session.delete(mark)", "        pass", 239
    ),
    Mutation(
        "Another address is believed to hold what the one before held",
        "webapp.engine.aliases",
        "put",
        "session.execute(delete(Holding).where(Holding.lane_id == lane.id))",
        "pass",
        80,
    ),
    Mutation("What is granted by hand for some days stays for good", "webapp.engine.granting", "grant", "until=until", "until=None", 8),
    Mutation(
        "A grant does not move with what it was given for",
        "webapp.engine.revisions",
        "move",
        '"at": terms.at, "until"',
        '"at": mark.at, "until"',
        168,
    ),
)


@contextmanager
def at_work(mutation: Mutation) -> Iterator[None]:
    """The engine with this fault in it, as long as the block lasts."""
    module: Any = import_module(mutation.module)
    mutant = _mutant(module, mutation)
    function = _found(vars(module), mutation.function)
    before = function.__code__
    function.__code__ = mutant
    try:
        yield
    finally:
        function.__code__ = before


def _mutant(module: Any, mutation: Mutation) -> CodeType:
    """The function's code with the fault. ValueError where its line is not there, or not one."""
    whole = inspect.getsource(module)
    part = inspect.getsource(_found(vars(module), mutation.function))
    if part.count(mutation.right) != 1:
        raise ValueError(f"{mutation.function} has no single `{mutation.right}`")
    names = dict(vars(module))
    changed = whole.replace(part, part.replace(mutation.right, mutation.wrong))
    exec(compile(changed, f"{mutation.module} with a fault", "exec", dont_inherit=True), names)  # noqa: S102  our own source
    return _found(names, mutation.function).__code__


def _found(names: dict[str, Any], function: str) -> FunctionType:
    first, *rest = function.split(".")
    found = names[first]
    for name in rest:
        found = inspect.getattr_static(found, name)
    found = found.fget if isinstance(found, property) else found
    if not isinstance(found, FunctionType):
        raise TypeError(f"{function} is no plain function")
    return found


def _catcher(mutation: Mutation) -> tuple[int | None, str]:
    """The first seed that catches it, and what it found."""
    for seed in (mutation.seed, *range(FURTHEST)):
        with at_work(mutation):
            outcome = run(seed)
        if outcome.faults and not run(seed).faults:
            return seed, outcome.faults[0]
    return None, "caught by no seed"


def main() -> None:
    """Print for each fault a seed that catches it."""
    for mutation in MUTATIONS:
        seed, found = _catcher(mutation)
        sys.stdout.write(f"{seed}\t{mutation.means}\t{found}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
