"""The JSON Schema of the scenario file, made from the models and the words that are written under their fields."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from mockapi.scenario.forms import FORMS
from mockapi.scenario.model import ScenarioFile
from mockapi.scenario.vocabulary import EXAMPLES, KEYS
from mockapi.wire.json import JsonObject

__all__ = ["scenario_schema"]


def scenario_schema() -> JsonObject:
    """JSON Schema (draft 2020-12) that editors can validate and complete with; every key has a description."""
    made = ScenarioFile.model_json_schema(schema_generator=_Described)
    schema: JsonObject = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return schema


class _Described(GenerateJsonSchema):
    """Puts a description to every key, and examples where there are some."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """Of a pydantic model: what is written under its fields, else what the key means everywhere."""
        made = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        names = {field.alias or name: name for name, field in model.model_fields.items()}
        for key, part in made.get("properties", {}).items():
            note = _field_notes(model).get(names[key]) or _of_item(model, key) or part.get("description") or KEYS[key]
            part["description"] = note
            if f"{model.__name__}.{key}" in EXAMPLES:
                part.setdefault("examples", EXAMPLES[f"{model.__name__}.{key}"])
        return made

    def dict_schema(self, schema: Any) -> JsonSchemaValue:
        """Names that have a pattern have no others beside them."""
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        """`anyOf`: what tells the members apart cannot be said here, and a value that fits two of them is valid all the same."""
        made = super().tagged_union_schema(schema)
        return {"anyOf" if key == "oneOf" else key: part for key, part in made.items()}

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        """Of the API's own types: what the key means everywhere."""
        made = super().typed_dict_schema(schema)
        for key, part in made.get("properties", {}).items():
            part.setdefault("description", KEYS[key])
        return made


def _of_item(model: type[BaseModel], key: str) -> str:
    """What the one key of a reply item says, its type."""
    if key not in FORMS or model.__name__ != f"{key}_item":
        return ""
    form = FORMS[key]
    if form.long is object:
        return f"`{key}`: any value, said as JSON."
    return f"`{key}`: text stands for its `{form.main}`." if form.main else f"`{key}`, with its fields."


def _field_notes(model: type[BaseModel]) -> Mapping[str, str]:
    """Field → the string under it, of a model and those it inherits from."""
    notes: dict[str, str] = {}
    for each in reversed(model.__mro__):
        notes |= _notes_of_module(each.__module__).get(each.__qualname__, {}) if each.__module__.startswith("mockapi.") else {}
    return notes


@cache
def _notes_of_module(name: str) -> Mapping[str, Mapping[str, str]]:
    """Class → field → the string under it: read when the schema is asked for, so that no start of a server pays for it."""
    tree = ast.parse(inspect.getsource(import_module(name)))
    return {node.name: dict(_notes_in(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _notes_in(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, below in pairwise(node.body):
        text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, str):
            yield field.target.id, text
