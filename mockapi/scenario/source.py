"""YAML with line and column: a safe, fast loader that remembers where everything stands.

Only plain data: no tags, no objects, no dates; duplicate keys, alias bombs and recursive aliases are refused. JSON is read by the
same loader.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

import yaml

from mockapi.errors import Problem, ScenarioError
from mockapi.wire.ids import digest
from mockapi.wire.json import loads

__all__ = ["MOST_VALUES", "Source", "read_source"]

MOST_VALUES = 2_000_000
"""Values in one file, aliases expanded."""

MOST_CHARACTERS = 100_000_000
"""Characters in one file, aliases expanded."""

_DEEPEST = 60
_DEEPEST_EVENTS = 1_000
_SHORT = 10_000  # characters; a text that short cannot nest deeply enough to hurt the C loader
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXTS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")

Path_ = tuple[str | int, ...]


def _integer(text: str) -> int | str:
    plain = text.replace("_", "").lower()
    if ":" in plain:  # YAML 1.1 reads 12:30 as base 60; nobody means that
        return text
    if plain.lstrip("+-").startswith("0") and plain.lstrip("+-").isdigit() and plain.lstrip("+-") != "0":
        return int(plain, 8)
    return int(plain, 0)


_EXPONENT = re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+")
"""A number of JSON that YAML 1.1 takes for a text."""

_RESOLVED: Mapping[str, Callable[[str], object]] = {
    "tag:yaml.org,2002:null": lambda text: None,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on"),
    "tag:yaml.org,2002:int": _integer,
    "tag:yaml.org,2002:float": lambda text: float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan")),
}


class Source:
    """A file's data and where each part of it stands."""

    def __init__(self, file: str, root: yaml.Node, text: str) -> None:
        self.file = file
        self.digest = digest(b"", text.encode("utf-8", "surrogatepass"))
        self._root = root
        self._values = self._characters = 0
        self.data = self._construct(root, ())

    def _problem(self, node: yaml.Node, message: str, key: str = "") -> ScenarioError:
        mark = node.start_mark
        return ScenarioError([Problem(self.file, mark.line + 1, mark.column + 1, key, message)])

    def _construct(self, node: yaml.Node, above: tuple[yaml.Node, ...]) -> object:
        self._values += 1
        self._characters += len(node.value) if isinstance(node, yaml.ScalarNode) else 0
        if self._values > MOST_VALUES or self._characters > MOST_CHARACTERS:
            most = f"{MOST_VALUES:,} values or {MOST_CHARACTERS:,} characters"
            raise self._problem(node, f"the file expands to over {most}: an alias bomb?")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if node in above:
            raise self._problem(node, "an alias contains itself")
        if len(above) >= _DEEPEST:
            raise self._problem(node, f"nested deeper than {_DEEPEST} levels")
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, "seq")
            return [self._construct(child, (*above, node)) for child in node.value]
        assert isinstance(node, yaml.MappingNode)
        self._check_tag(node, "map")
        return self._mapping(node, above)

    def _check_tag(self, node: yaml.Node, kind: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{kind}":
            raise self._problem(node, f"the tag {node.tag} is not allowed: scenario files are plain data")

    def _scalar(self, node: yaml.ScalarNode) -> object:
        if node.tag in _TEXTS:
            return float(node.value) if not node.style and _EXPONENT.fullmatch(node.value) else node.value
        resolve = _RESOLVED.get(node.tag)
        if resolve is None:
            raise self._problem(node, f"the tag {node.tag} is not allowed: scenario files are plain data")
        try:
            value = resolve(node.value)
        except ValueError:
            raise self._problem(node, f"{node.value!r} is not a number; quote it if it is text") from None
        if isinstance(value, float) and not isfinite(value):
            raise self._problem(node, f"{node.value!r} has no JSON; quote it if it is text")
        return value

    def _mapping(self, node: yaml.MappingNode, above: tuple[yaml.Node, ...]) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise self._problem(key_node, "merge keys (<<) are not supported; repeat the keys")
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._problem(key_node, "a key must be text")
            key = str(key_node.value)
            if key in result:
                raise self._problem(key_node, f"the key {key!r} stands here twice")
            result[key] = self._construct(value_node, (*above, node))
        return result

    def node_at(self, path: Path_) -> tuple[yaml.Node, yaml.Node | None]:
        """(the deepest node on the way to a path, the node of its key if it has one)."""
        node, key_node, _ = self._walk(path)
        return node, key_node

    def written_path(self, path: Path_) -> Path_:
        """As much of a path as is written in the file."""
        return path[: self._walk(path)[2]]

    def _walk(self, path: Path_) -> tuple[yaml.Node, yaml.Node | None, int]:
        node, key_node, depth = self._root, None, 0
        for part in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node, key_node = node.value[part], None
            else:
                pairs = node.value if isinstance(node, yaml.MappingNode) else []
                found = next(((key, value) for key, value in pairs if key.value == part), None)
                if found is None:
                    break
                key_node, node = found
            depth += 1
        return node, key_node, depth

    def line_of(self, path: Path_) -> int:
        """The line (from 1) where the value at a path begins."""
        return int(self.node_at(path)[0].start_mark.line) + 1

    def problem_at(self, path: Path_, message: str) -> Problem:
        """A problem with the value at a path: it is shown at its key, where it has one."""
        node, key_node = self.node_at(path)
        mark = (key_node or node).start_mark
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
        return Problem(self.file, mark.line + 1, mark.column + 1, key, message)

    def written_at(self, path: Path_) -> str | None:
        """The scalar at a path as it is written, without its quotes; None if there is none."""
        node, _ = self.node_at(path)
        return node.value if isinstance(node, yaml.ScalarNode) else None


def _check_depth(file: str, content: str) -> None:
    """The C loader composes by recursion, and would crash on a deep file before anything could be said about it."""
    if len(content) < _SHORT:
        return
    depth = 0
    for event in yaml.parse(content, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_EVENTS:
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ScenarioError([Problem(file, line, column, "", f"nested deeper than {_DEEPEST} levels")])


def read_source(path: Path, name: str | None = None, text: str | None = None) -> Source:
    """Read a file (or a text under that name); `ScenarioError` with file:line:column if it is not plain YAML."""
    file = name or str(path)
    try:
        content = path.read_text(encoding="utf-8") if text is None else text
        if path.suffix.lower() == ".json":  # JSON writes one character as two escapes, which YAML does not know
            content = _SURROGATES.sub(lambda found: str(loads(f'"{found[0]}"')), content)
        _check_depth(file, content)
        root = yaml.compose(content, Loader=_LOADER)
    except OSError as error:
        raise ScenarioError([Problem(file, 1, 1, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise ScenarioError([Problem(file, 1, 1, "", "is not UTF-8 text")]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ScenarioError([Problem(file, line, column, "", f"is not YAML: {error.problem or error.context}")]) from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ScenarioError([Problem(file, 1, 1, "", f"is not YAML: {reason}")]) from None
    if root is None:
        raise ScenarioError([Problem(file, 1, 1, "", "is empty; it needs at least `steps:`")])
    return Source(file, root, content)
