"""YAML with line numbers: every value knows where it stands, and every complaint is collected with its line. Knows no marketplace."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text and its line; `secret` where a variable of the environment went into it."""

    value: str
    line: int
    secret: bool = False


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
        complaints.add(mark.line + 1 if mark else 1, f"This is no YAML: {error.problem or 'it can not be read'}.")
        raise Wrong(complaints) from None
    except yaml.YAMLError:
        complaints.add(1, "This is no YAML.")
        raise Wrong(complaints) from None
    if not isinstance(node, yaml.MappingNode):
        complaints.add(1, "The file must be a mapping that begins with `marketplace: NAME`.")
        raise Wrong(complaints)
    return Section(node, environ, complaints, "the file")


class Section:
    """A mapping. What is asked for and wrong, and what nobody asked for, is complained about."""

    def __init__(self, node: yaml.MappingNode, environ: Mapping[str, str], complaints: Complaints, name: str) -> None:
        self.line = node.start_mark.line + 1
        self._environ, self._complaints, self._name = environ, complaints, name
        self._values: dict[str, yaml.Node] = {}
        self._asked: set[str] = set()
        for key, value in node.value:
            if key.value in self._values:
                complaints.add(key.start_mark.line + 1, f"`{key.value}` stands here twice.")
            self._values[str(key.value)] = value

    def text(self, key: str, *, required: bool = True) -> Text | None:
        """A text or number as text; None where it is absent or wrong."""
        node = self._get(key, required)
        if node is None:
            return None
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode) or node.tag == "tag:yaml.org,2002:null":
            self._complaints.add(line, f"`{key}` must be a text.")
            return None
        return self._filled(key, node.value.strip(), line)

    def choice(self, key: str, among: Mapping[str, object], *, required: bool = True) -> Text | None:
        """One of so many words."""
        found = self.text(key, required=required)
        if found is None or found.value in among:
            return found
        self._complaints.add(found.line, f"There is no {key} `{found.value}`.{_near(found.value, list(among))}")
        return None

    def section(self, key: str, *, required: bool = True) -> Section | None:
        """A mapping within."""
        node = self._get(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self._complaints.add(node.start_mark.line + 1, f"`{key}` must be a mapping.")
            return None
        return Section(node, self._environ, self._complaints, f"`{key}`")

    def sections(self, key: str) -> Iterator[Section]:
        """A list of mappings; nothing where it is absent."""
        node = self._get(key, required=False)
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return
        if not isinstance(node, yaml.SequenceNode):
            self._complaints.add(node.start_mark.line + 1, f"`{key}` must be a list.")
            return
        for one in node.value:
            if isinstance(one, yaml.MappingNode):
                yield Section(one, self._environ, self._complaints, f"an entry of `{key}`")
            else:
                self._complaints.add(one.start_mark.line + 1, f"Each entry of `{key}` must be a mapping.")

    def nothing_else(self) -> None:
        """Complain about what nobody has asked for."""
        for key, node in self._values.items():
            if key not in self._asked:
                near = _near(key, sorted(self._asked))
                self._complaints.add(node.start_mark.line + 1, f"`{key}` is not known in {self._name}.{near}")

    def _get(self, key: str, required: bool) -> yaml.Node | None:
        self._asked.add(key)
        node = self._values.get(key)
        if node is None and required:
            self._complaints.add(self.line, f"`{key}` is missing in {self._name}.")
        return node

    def _filled(self, key: str, value: str, line: int) -> Text | None:
        missing = [name for name in NAME.findall(value) if name not in self._environ]
        if missing:
            self._complaints.add(line, f"`{key}` needs the variable {missing[0]}, which is not set.")
            return None
        if not value:
            self._complaints.add(line, f"`{key}` is empty.")
            return None
        filled = NAME.sub(lambda found: self._environ[found[1]], value)
        return Text(filled, line, secret=filled != value)


def _near(word: str, among: list[str]) -> str:
    near = difflib.get_close_matches(word, among, 1)
    return f" Did you mean `{near[0]}`?" if near else ""
