"""Values with their lines, variables of the environment, and what is said of a file that can't be read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from webapp.market.nodes import Complaints, Section, Wrong, near, plain, top


def opened(text: str, environ: Mapping[str, str] | None = None) -> tuple[Section, Complaints]:
    complaints = Complaints("market.yaml")
    return top(text, environ or {}, complaints), complaints


def refusal(text: str) -> str:
    with pytest.raises(Wrong) as wrong:
        opened(text)
    return str(wrong.value)


def test_a_text_knows_its_line_and_a_number_is_text_as_it_is_written() -> None:
    section, complaints = opened("# a file\nname: Acme\n\nid: 007\nquoted: ' padded '\n")
    read = [section.text(key) for key in ("name", "id", "quoted")]
    assert [(text.value, text.line) for text in read if text] == [("Acme", 2), ("007", 4), ("padded", 5)]
    assert not complaints.found


def test_a_password_is_taken_exactly() -> None:
    section, complaints = opened("password: ' it is  this '\n")
    assert section.text("password", exact=True).value == " it is  this "  # type: ignore[union-attr]
    assert not complaints.found


def test_variables_are_filled_in_and_what_the_file_has_is_kept_for_complaints() -> None:
    section, complaints = opened("key: 'pre-${A_KEY}-${B}'\n", {"A_KEY": "canary", "B": " 2 "})
    text = section.text("key")
    assert text is not None
    assert (text.value, text.shown) == ("pre-canary- 2", "pre-${A_KEY}-${B}")
    assert not complaints.found


def test_two_dollars_are_the_signs_themselves() -> None:
    section, complaints = opened("name: Save $${PRICE} and $5\n", {"PRICE": "never"})
    assert section.text("name").value == "Save ${PRICE} and $5"  # type: ignore[union-attr]
    assert not complaints.found


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("${NOT_THERE}", "`key` needs the variable NOT_THERE, which is not set."),
        ("${A-B}", "`key` has `${A-B}`, which names no variable."),
        ("${OPEN", "`key` has `${OPEN`, which names no variable."),
        ("${}", "`key` has `${}`, which names no variable."),
        ("${EMPTY}", "`key` is empty: the variable EMPTY is."),
        ("${BLANK}", "`key` is empty: the variable BLANK is."),
    ],
)
def test_a_variable_that_can_not_be_had_is_named_with_its_line(value: str, said: str) -> None:
    section, complaints = opened(f"a: 1\nkey: '{value}'\n", {"EMPTY": "", "BLANK": "  "})
    assert section.text("key") is None
    assert str(complaints).startswith(f"market.yaml, line 2: {said}")


def test_every_missing_variable_of_a_value_is_named() -> None:
    section, complaints = opened("key: '${ONE}${TWO}'\n")
    assert section.text("key") is None
    assert [line for line, _ in complaints.found] == [1, 1]
    assert "ONE" in str(complaints)
    assert "TWO" in str(complaints)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("key: [1]\n", "line 1: `key` must be a text."),
        ("key: {a: 1}\n", "line 1: `key` must be a text."),
        ("a: 1\nkey:\n", "line 2: `key` is empty in the file."),
        ("a: 1\nkey: ''\n", "line 2: `key` is empty."),
        ("\n\na: 1\n", "line 3: `key` is missing in the file."),
        ('key: "a\\nb"\n', "line 1: `key` has a character that can't be shown."),
        ('key: "a\\0b"\n', "line 1: `key` has a character that can't be shown."),
        ("key: abcdef\n", "line 1: `key` may have 5 characters at most."),
    ],
)
def test_what_is_no_text_is_complained_of(text: str, said: str) -> None:
    section, complaints = opened(text)
    assert section.text("key", most=5) is None
    assert str(complaints) == f"market.yaml, {said}"


def test_letters_and_signs_of_all_sorts_are_a_name() -> None:
    name = "👩‍💻 Café – 学び"  # its emoji holds a sign that Python does not call printable
    section, complaints = opened(f"key: {name}\n")
    assert section.text("key").value == name  # type: ignore[union-attr]
    assert not complaints.found


def test_what_nobody_asked_for_is_complained_of_where_it_begins() -> None:
    section, complaints = opened("name: Acme\nprodcts:\n  - {id: a}\nwhat:\n  x: 1\n")
    section.text("name")
    assert list(section.sections("products")) == []
    section.nothing_else()
    assert str(complaints).splitlines() == [
        "market.yaml, line 2: `prodcts` is not known in the file. Did you mean `products`?",
        "market.yaml, line 4: `what` is not known in the file. It must be one of: name, products.",
    ]


def test_a_word_that_is_none_of_so_many() -> None:
    section, complaints = opened("a: sapre\nb: nothing\nc: '${SECRET}'\n", {"SECRET": "canary"})
    assert [section.choice(key, ["spare", "always"]) for key in "abc"] == [None, None, None]
    assert str(complaints).splitlines() == [
        "market.yaml, line 1: There is no a `sapre`. Did you mean `spare`?",
        "market.yaml, line 2: There is no b `nothing`. It must be one of: spare, always.",
        "market.yaml, line 3: There is no c `${SECRET}`. It must be one of: spare, always.",
    ]


def test_a_key_that_stands_twice_or_is_no_word() -> None:
    _, complaints = opened("a: 1\na: 2\n[b]: 3\n")
    assert str(complaints).splitlines() == [
        "market.yaml, line 2: `a` stands in the file twice.",
        "market.yaml, line 3: The words before the colons in the file must be plain words.",
    ]


def test_lists_and_mappings_that_are_none() -> None:
    section, complaints = opened("rules: none\nowner: [a]\nproducts:\n  - {id: a}\n  - b\nwebhook:\nsources:\n")
    assert list(section.sections("rules")) == []
    assert section.section("owner") is None
    assert [one.line for one in section.sections("products")] == [4]
    assert section.section("webhook", required=False) is None
    assert list(section.sections("sources")) == []
    assert str(complaints).splitlines() == [
        "market.yaml, line 1: `rules` must be a list.",
        "market.yaml, line 2: `owner` must be a mapping.",
        "market.yaml, line 5: Each entry of `products` must be a mapping.",
    ]


def test_flags() -> None:
    section, complaints = opened("a: true\nb: no\nc: maybe\nd:\n")
    assert [section.flag(key) for key in "abcde"] == [True, False, None, None, None]
    assert str(complaints) == "market.yaml, line 3: `c` must be true or false."


@pytest.mark.parametrize("text", ["", "- a\n", "just a word\n", "# nothing\n"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    assert refusal(text) == "market.yaml, line 1: The file must be a mapping that begins with `marketplace: NAME`."


def test_a_file_that_is_no_yaml_says_where() -> None:
    assert refusal("a: 1\nb: [1, 2\nc: 3\n").startswith("market.yaml, line 3: This is no YAML: ")
    assert refusal("a:\n  b: 1\n\tc: 1\n").startswith("market.yaml, line 3: This is no YAML: ")
    assert refusal("a: 1\n---\nb: 1\n").startswith("market.yaml, line 2: This is no YAML: ")
    assert refusal("a: 1\nb: \x07\n") == "market.yaml, line 2: This is no YAML: there is a character that can't be shown."
    assert refusal("[" * 5000) == "market.yaml, line 1: This is no YAML that can be read: it is too deep."


def test_a_bare_variable_within_braces_is_what_people_run_into() -> None:
    said = refusal("a: 1\nowner: {email: a@b.c, password: ${OWNER_PASSWORD}}\n")
    assert said.startswith("market.yaml, line 2: ")
    assert said.endswith('A variable within { } stands in quotes: "${NAME}".')


def test_complaints_stand_in_the_order_of_their_lines_and_each_once() -> None:
    complaints = Complaints("m.yaml")
    for line, sentence in ((10, "b"), (2, "a"), (10, "b")):
        complaints.add(line, sentence)
    assert str(complaints) == "m.yaml, line 2: a\nm.yaml, line 10: b"


def test_names_are_compared_as_people_see_them() -> None:
    assert plain(" VIP \u00a0Room ") == plain("VIP Room")
    assert plain("VIP Room") != plain("vip room")


def test_nothing_is_proposed_where_nothing_is_near_and_the_words_are_many() -> None:
    assert near("zzz", [f"word{number}" for number in range(20)]) == ""
    assert near("zzz", []) == ""
