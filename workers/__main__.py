"""python -m workers: one worker process. SIGTERM and SIGINT end it within seconds; what it had not finished is taken up by another."""

from __future__ import annotations

import gc
import logging.config
import signal
import sys
from types import FrameType

from webapp import create_core, journal
from webapp.environment import ConfigError
from webapp.parts import parts
from workers.room import Room, enter


def main() -> None:
    """Run a worker until it is told to stop. Exits with 1 and a sentence where a setting is wrong."""
    try:
        app = create_core()
    except ConfigError as wrong:
        sys.exit(f"Cartwheel can't start: {wrong}")
    with app.app_context():
        settings = parts().settings
    logging.config.dictConfig(journal.layout(settings.log_level, settings.log_format))
    sys.setswitchinterval(0.0005)  # an answer that has come does not wait 5 ms for another thread
    room = Room(app)
    enter(room)

    def told(number: int, frame: FrameType | None) -> None:
        room.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    gc.collect()
    gc.freeze()  # what is there now stays, and need not be looked through for rubbish again and again
    room.run()
    gc.freeze()  # everything is committed: to clear a process's memory object by object takes it most of a second


if __name__ == "__main__":
    main()
