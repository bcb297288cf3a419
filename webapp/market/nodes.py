"""YAML with line numbers: every value knows where it stands, and every complaint is collected with its line. Knows no marketplace."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

VARIABLE = re.compile(r"\$(\$\{|\{(?P<name>[^}]*)\}?)")
"""`${NAME}`, or `$${` for the two signs themselves."""

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NULL, BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
YES = frozenset({"true", "yes", "on"})
NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of Unicode that no name has: control characters, halves of characters, breaks of lines."""

LISTED = 12
"""So many words at most are named to somebody who has written another one."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its line. `shown` is what the file has: with `${NAME}` where the value has what only the environment may know."""

    value: str = field(repr=False)
    line: int
    shown: str = field(repr=False)


@dataclass
class Complaints:
    """What is wrong with a file: sentences by line."""

    file: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, sentence: str) -> None:
        """One more."""
        self.found.append((line, sentence))

    def __str__(self) -> str:
        return "\n".join(f"{self.file}, line {line}: {sentence}" for line, sentence in sorted(set(self.found)))


class Wrong(Exception):
    """A file that can't be applied, with everything that is wrong with it."""

    def __init__(self, complaints: Complaints) -> None:
        super().__init__(str(complaints))
        self.complaints = complaints


def top(text: str, environ: Mapping[str, str], complaints: Complaints) -> Section:
    """The file as a section. Raises Wrong where it is no YAML, or not a mapping."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        complaints.add(mark.line + 1 if mark else 1, _no_yaml(error, text))
        raise Wrong(complaints) from None
    except yaml.reader.ReaderError as error:
        complaints.add(text.count("\n", 0, error.position) + 1, "This is no YAML: there is a character that can't be shown.")
        raise Wrong(complaints) from None
    except RecursionError:
        complaints.add(1, "This is no YAML that can be read: it is too deep.")
        raise Wrong(complaints) from None
    if not isinstance(node, yaml.MappingNode):
        complaints.add(1, "The file must be a mapping that begins with `marketplace: NAME`.")
        raise Wrong(complaints)
    return Section(node, environ, complaints, "the file")


def plain(name: str) -> str:
    """A name as it is compared: what people don't see makes no difference."""
    return " ".join(name.split())


def near(word: str, among: Collection[str]) -> str:
    """Which of these was meant, or which there are: a sentence with a space before it, "" where nothing helps."""
    close = difflib.get_close_matches(word, among, 1)
    if close:
        return f" Did you mean `{close[0]}`?"
    return f" It must be one of: {', '.join(among)}." if 0 < len(among) <= LISTED else ""


class Section:
    """A mapping. What is asked for and wrong, and what nobody asked for, is complained about."""

    def __init__(self, node: yaml.MappingNode, environ: Mapping[str, str], complaints: Complaints, name: str) -> None:
        self.line = _line(node)
        self._environ, self._complaints, self._name = environ, complaints, name
        self._values: dict[str, tuple[int, yaml.Node]] = {}
        self._asked: set[str] = set()
        for key, value in node.value:
            self._take(key, value)

    def text(self, key: str, *, required: bool = True, most: int | None = None, exact: bool = False) -> Text | None:
        """A text, or a number as it is written; None where it is absent or wrong. Trimmed and in one line, unless `exact`."""
        node = self._get(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._complaints.add(_line(node), f"`{key}` must be a text.")
            return None
        value = self._filled(key, node)
        if value is None or not self._is_right(key, node, value if exact else value.strip(), most, exact):
            return None
        return Text(value if exact else value.strip(), _line(node), node.value.strip())

    def choice(self, key: str, among: Collection[str], *, required: bool = True) -> Text | None:
        """One of so many words."""
        found = self.text(key, required=required)
        if found is None or found.value in among:
            return found
        self._complaints.add(found.line, f"There is no {key} `{found.shown}`.{near(found.value, among)}")
        return None

    def flag(self, key: str) -> bool | None:
        """Yes or no; None where it is absent or wrong."""
        node = self._get(key, required=False)
        if node is None:
            return None
        if node.tag != BOOL:
            self._complaints.add(_line(node), f"`{key}` must be true or false.")
            return None
        return str(node.value).lower() in YES

    def section(self, key: str, *, required: bool = True) -> Section | None:
        """A mapping within."""
        node = self._get(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self._complaints.add(_line(node), f"`{key}` must be a mapping.")
            return None
        return Section(node, self._environ, self._complaints, f"`{key}`")

    def sections(self, key: str) -> Iterator[Section]:
        """A list of mappings; nothing where it is absent."""
        node = self._get(key, required=False)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self._complaints.add(_line(node), f"`{key}` must be a list.")
            return
        for one in node.value:
            if isinstance(one, yaml.MappingNode):
                yield Section(one, self._environ, self._complaints, f"an entry of `{key}`")
            else:
                self._complaints.add(_line(one), f"Each entry of `{key}` must be a mapping.")

    def nothing_else(self) -> None:
        """Complain about what nobody has asked for."""
        for key, (line, _) in self._values.items():
            if key not in self._asked:
                self._complaints.add(line, f"`{key}` is not known in {self._name}.{near(key, sorted(self._asked))}")

    def _take(self, key: yaml.Node, value: yaml.Node) -> None:
        if not isinstance(key, yaml.ScalarNode):
            self._complaints.add(_line(key), f"The words before the colons in {self._name} must be plain words.")
            return
        word = str(key.value)
        if word in self._values:
            self._complaints.add(_line(key), f"`{word}` stands in {self._name} twice.")
        self._values[word] = (_line(key), value)

    def _get(self, key: str, required: bool) -> yaml.Node | None:
        """What stands behind a key. Where nothing does, that is the same as no key."""
        self._asked.add(key)
        line, node = self._values.get(key, (self.line, None))
        if node is not None and node.tag != NULL:
            return node
        if required:
            missing = "is missing" if node is None else "is empty"
            self._complaints.add(line, f"`{key}` {missing} in {self._name}.")
        return None

    def _filled(self, key: str, node: yaml.ScalarNode) -> str | None:
        """The text with the variables' values in their places; None where one can't be had. No complaint names a value."""
        wrong = [sentence for found in VARIABLE.finditer(node.value) if (sentence := self._wrong(key, found))]
        for sentence in wrong:
            self._complaints.add(_line(node), sentence)
        return None if wrong else VARIABLE.sub(lambda found: "${" if found["name"] is None else self._environ[found["name"]], node.value)

    def _wrong(self, key: str, found: re.Match[str]) -> str:
        name = found["name"]
        if name is None:
            return ""
        if not found[0].endswith("}") or not NAME.fullmatch(name):
            return f"`{key}` has `{found[0]}`, which names no variable. `$${{` stands for the signs themselves."
        return "" if name in self._environ else f"`{key}` needs the variable {name}, which is not set."

    def _is_right(self, key: str, node: yaml.ScalarNode, value: str, most: int | None, exact: bool) -> bool:
        names = [found["name"] for found in VARIABLE.finditer(node.value) if found["name"]]
        wrong = ""
        if not value:
            wrong = f"`{key}` is empty{f': the variable {names[0]} is' if names else ''}."
        elif not exact and any(unicodedata.category(sign) in NOT_TEXT for sign in value):
            wrong = f"`{key}` has a character that can't be shown."
        elif most is not None and len(value) > most:
            wrong = f"`{key}` may have {most} characters at most."
        if wrong:
            self._complaints.add(_line(node), wrong)
        return not wrong


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _no_yaml(error: yaml.MarkedYAMLError, text: str) -> str:
    """What the parser says, and what people run into most: in `{...}` a variable needs quotes."""
    lines = text.splitlines()
    line = error.problem_mark.line if error.problem_mark else 0
    bare = line < len(lines) and re.search(r"[:,]\s*\$\{", lines[line]) is not None
    hint = ' A variable within { } stands in quotes: "${NAME}".' if bare else ""
    return f"This is no YAML: {error.problem or 'it can not be read'}.{hint}"
