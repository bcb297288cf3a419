"""The log of the processes: lines of text, or of JSON with what a record was given beside."""

from __future__ import annotations

import json
import logging
import logging.config

from tests.conftest import Lines
from webapp.journal import TEXT, Json, Text, about, layout, name


def line(**more: object) -> dict[str, object]:
    record = logging.makeLogRecord(
        {"name": "webapp.desk", "levelname": "INFO", "msg": "Taken: %s", "args": ("one",), "created": 0.0, **more}
    )
    said: dict[str, object] = json.loads(Json().format(record))
    return said


def test_a_line_is_one_object() -> None:
    assert line() == {"at": "1970-01-01T00:00:00.000+00:00", "level": "INFO", "logger": "webapp.desk", "message": "Taken: one"}


def test_what_the_record_was_given_stands_in_it() -> None:
    assert line(event=7, entries=2)["event"] == 7


def test_an_error_stands_in_it_on_the_same_line() -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as wrong:
        said = line(exc_info=(type(wrong), wrong, wrong.__traceback__))
    assert "ZeroDivisionError" in str(said["error"])


def test_the_layout_is_one_that_logging_takes() -> None:
    for form in ("text", "json"):
        logging.config.DictConfigurator(layout("INFO", form))
    assert layout("INFO", "json")["formatters"]["lines"] == {"()": "webapp.journal.Json"}


def test_lines_name_what_is_being_worked_on_until_it_is_done(lines: Lines) -> None:
    log = logging.getLogger("somebody else's")
    with about(marketplace=2**62):
        name(event=7)
        with about(entries=[8, 9]):
            log.info("inside")
        log.info("outside of the inner one")
    log.info("after")
    ids = [{key: said[key] for key in ("marketplace", "event", "entries") if key in said} for said in lines()]
    assert ids == [
        {"marketplace": str(2**62), "event": "7", "entries": ["8", "9"]},
        {"marketplace": str(2**62), "event": "7"},
        {},
    ]


def test_what_nobody_would_take_back_is_not_kept(lines: Lines) -> None:
    name(event=7)
    logging.getLogger().info("the next one's")
    assert ["event" in said for said in lines()] == [False]


def test_an_error_takes_along_what_it_is_about(lines: Lines) -> None:
    try:
        with about(batch=3), about(lane=4):
            raise LookupError
    except LookupError:
        logging.getLogger().exception("Broken")
    assert [(said["batch"], said["lane"]) for said in lines()] == [("3", "4")]


def test_a_line_of_text_names_it_at_its_end() -> None:
    record = logging.makeLogRecord({"name": "webapp.desk", "levelname": "INFO", "msg": "Taken.", "entries": ["8", "9"]})
    with about(event=7):
        assert Text(TEXT).format(record) == "INFO webapp.desk: Taken. event=7 entries=8,9"
