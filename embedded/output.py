"""How the lines of several processes get onto one screen: each behind the name of its process."""

from __future__ import annotations

import contextlib
import sys
from datetime import datetime

from honcho.colour import get_colours
from honcho.printer import Message, Printer

SELF = "cartwheel"


class Output:
    """Honcho's printer, one colour a name."""

    def __init__(self) -> None:
        self._printer = Printer(sys.stdout, width=len(SELF))
        self._next_colour = get_colours()
        self._colours: dict[str, str] = {}

    def say(self, line: str, name: str = SELF) -> None:
        """Print a line of the process of this name."""
        if name not in self._colours:
            self._colours[name] = next(self._next_colour)
        now = datetime.now().astimezone()
        with contextlib.suppress(OSError):  # nobody reads it any more; what runs has to be ended all the same
            self._printer.write(Message("line", line, now, name, self._colours[name]))

    def plain(self, line: str) -> None:
        """Print a line as it is: what a person is meant to copy."""
        with contextlib.suppress(OSError):
            print(line, flush=True)
