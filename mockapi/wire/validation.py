"""One error mapper: what pydantic found wrong, in the real API's words (ERRORS.md §4).

The types in this package say what is valid; this module says how the first thing that is not is told. `ApiError` carries the
code, the path as `param`, and the message.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mockapi.errors import ApiError
from mockapi.wire.catalogue import told
from mockapi.wire.typed import REFUSED, keys_of

__all__ = ["Path", "api_error", "bad_prefix", "bounded", "listed", "missing_parameter", "shortened"]

Path = tuple[str | int, ...]

_LONGEST_VALUE = 1_000  # characters of a wrong value that an error repeats

_INTEGER_EFFORT = "one of 'minimal', 'low', 'medium', or 'high'"

# Where the real API words an expected type otherwise than by its kind; keys are paths without indexes.
_EXPECTED = {
    "metadata": "a metadata object",
    "tools": "an array of tools",
    "context_management": "an array of objects",
    "include": (
        "an array of one of 'fil...lts', 'web...lts', 'web...ces', 'mes...url', 'com...url', 'cod...uts', 'rea...ent', "
        "or 'mes...obs'"
    ),
}
_KINDS = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "typed_dict_type": "an object",
}


def missing_parameter(path: str) -> ApiError:
    """A required parameter that did not come."""
    return told("missing_required_parameter", path=path)


def bad_prefix(where: str, value: str, prefix: str) -> ApiError:
    """An id that is not of its kind (ERRORS.md §4.2)."""
    return told("invalid_id", path=where, value=bounded(value), prefix=prefix)


def api_error(error: ValidationError, body: Mapping[str, object], model: type[BaseModel]) -> ApiError:
    """The one error the real API would tell: unknown top-level keys first, then by the order of the model's fields."""
    known = list(model.model_fields)
    unknown = next((key for key in body if key not in known), None)
    if unknown is not None:  # pydantic would list all of them
        return _unknown((unknown,), body, known)
    details = sorted(error.errors(include_url=False), key=lambda detail: _rank(detail, known))
    return _told(details[0], body, known)


def _rank(detail: ErrorDetails, known: Sequence[str]) -> int:
    top = detail["loc"][0]
    return known.index(top) if top in known else -1


def _told(detail: ErrorDetails, body: Mapping[str, object], known: Sequence[str]) -> ApiError:
    path = keys_of(detail["loc"])
    if detail["type"] == "string_too_long" and path[-1] == "[key]":  # pydantic's mark for an error in a key itself
        return _long_key(path[:-1], detail)
    told = _TELLERS.get(detail["type"])
    if detail["type"] == "extra_forbidden":
        return _unknown(path, body, known)
    if told is not None:
        return told(path, detail)
    return _wrong_type(path, detail)


def written(path: Path) -> str:
    """`input[0].content`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _context(detail: ErrorDetails) -> Mapping[str, object]:
    return detail.get("ctx", {})


def _unknown(path: Path, body: Mapping[str, object], known: Sequence[str]) -> ApiError:
    where = written(path)
    if path == ("messages",):
        return told("moved_parameter")
    hint = _did_you_mean(where, [key for key in known if key not in body]) if len(path) == 1 else ""
    return told("unknown_parameter", path=where, hint=hint)


def _did_you_mean(key: str, candidates: Iterable[str]) -> str:
    near = sorted((distance, name) for name in candidates if (distance := edit_distance(key, name, 2)) <= 2)
    if not near:
        return ""
    return " Did you mean " + " or ".join(f"'{name}'" for _, name in near) + "?"


def edit_distance(left: str, right: str, limit: int) -> int:
    """Levenshtein distance, or limit + 1 when it is larger."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
        if min(row) > limit:
            return limit + 1
    return row[-1]


def _missing(path: Path, detail: ErrorDetails) -> ApiError:
    return missing_parameter(written(path))


def _enum(path: Path, detail: ErrorDetails) -> ApiError:
    values = re.findall(r"'([^']*)'", str(_context(detail)["expected"]))
    if not isinstance(detail["input"], str):
        expected = "one of " + listed(values, "or") if len(values) > 1 else listed(values, "or")
        if path == ("reasoning", "effort"):  # worded like no other (ERRORS.md §4.2)
            expected = _INTEGER_EFFORT if isinstance(detail["input"], int) else f"one of {expected} or integer"
        return _type_error(path, expected, detail["input"])
    return _value_error(written(path), detail["input"], values)


def _union(path: Path, detail: ErrorDetails) -> ApiError:
    context, value = _context(detail), detail["input"]
    supported = [name for name in str(context["supported"]).split("|") if name]
    universe = [name for name in str(context["universe"]).split("|") if name]
    if not supported or not isinstance(value, Mapping):
        expected = "a string" if value is None and path == ("input",) else str(context["expected"])
        return _type_error(path, expected, value)
    kind = value.get("type")
    if "message" in universe:  # an input item: the type is judged before the role
        if kind not in (None, "message"):
            return _value_error(written(path), _as_text(kind), universe)
        return _value_error(written(path), _as_text(value.get("role")), supported)
    if kind is None:
        return missing_parameter(f"{written(path)}.type")
    if universe and kind in universe:
        return _value_error(written(path), _as_text(kind), supported)
    return _value_error(f"{written(path)}.type", _as_text(kind), universe or supported)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _value_error(where: str, value: str, supported: Sequence[str]) -> ApiError:
    return told("invalid_value", path=where, value=bounded(value), values=listed(supported, "and"))


def bounded(value: str) -> str:
    """A value as errors repeat it: 1,000 characters at most."""
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"


def _wrong_type(path: Path, detail: ErrorDetails) -> ApiError:
    expected = _EXPECTED.get(written(tuple(part for part in path if isinstance(part, str))))
    return _type_error(path, expected or _KINDS.get(detail["type"], "an object"), detail["input"])


def _type_error(path: Path, expected: str, value: object) -> ApiError:
    where = written(path)
    got = "an object" if value is None and len(path) == 1 else got_kind(value)
    return told("invalid_type", path=where, expected=expected, got=got)


def got_kind(value: object) -> str:
    """How the real API names the type that came."""
    names: dict[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
        type(None): "null",
    }
    return names.get(type(value), "an object")


def _bound(which: str, key: str) -> Callable[[Path, ErrorDetails], ApiError]:
    def tell(path: Path, detail: ErrorDetails) -> ApiError:
        bound = _context(detail)[key]
        kind = "decimal" if isinstance(bound, float) else "integer"
        return told(f"{kind}_{which}", path=written(path), bound=_number(bound), value=detail["input"])

    return tell


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _too_long(path: Path, detail: ErrorDetails) -> ApiError:
    where, most, value = written(path), _context(detail)["max_length"], detail["input"]
    if detail["type"] == "string_too_long":
        return told("string_above_max_length", path=where, shown=where, most=most, length=len(str(value)))
    row = "object_above_max_properties" if isinstance(value, Mapping) else "array_above_max_length"
    return told(row, path=where, most=most, length=len(value))


def _long_key(path: Path, detail: ErrorDetails) -> ApiError:
    key, most = str(path[-1]), _context(detail)["max_length"]
    shown = written((*path[:-1], shortened(key)))
    return told("property_name_above_max_length", path=written(path), shown=shown, most=most, length=len(key))


def _empty(path: Path, detail: ErrorDetails) -> ApiError:
    return told("empty_array" if detail["type"] == "too_short" else "empty_string", path=written(path))


def _pattern(path: Path, detail: ErrorDetails) -> ApiError:
    return told("pattern_mismatch", path=written(path), pattern=_context(detail)["pattern"])


def _wrong_prefix(path: Path, detail: ErrorDetails) -> ApiError:
    return bad_prefix(written(path), str(detail["input"]), str(_context(detail)["prefix"]))


def _refused(path: Path, detail: ErrorDetails) -> ApiError:
    row, fields = _context(detail)["row"], _context(detail)["fields"]
    return told(str(row), path=written(path), **(fields if isinstance(fields, dict) else {}))


_TELLERS: dict[str, Callable[[Path, ErrorDetails], ApiError]] = {
    "missing": _missing,
    "literal_error": _enum,
    "union": _union,
    "greater_than_equal": _bound("below_min_value", "ge"),
    "less_than_equal": _bound("above_max_value", "le"),
    "string_too_long": _too_long,
    "string_too_short": _empty,
    "too_short": _empty,
    "too_long": _too_long,
    "string_pattern_mismatch": _pattern,
    "id_prefix": _wrong_prefix,
    REFUSED: _refused,
}


def listed(values: Sequence[str], word: str) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {word} ".join(quoted)
    return ", ".join(quoted[:-1]) + f", {word} {quoted[-1]}"


def shortened(name: str) -> str:
    """Long names in some sentences: `pre..._id` (ERRORS.md §1)."""
    return name if len(name) < 20 else f"{name[:3]}...{name[-3:]}"
