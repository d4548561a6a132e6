"""The JSON Schema of the scenario file, made from the model."""

from mockapi.scenario.model import ScenarioFile
from mockapi.wire.json import JsonObject

__all__ = ["scenario_schema"]


def scenario_schema() -> JsonObject:
    """JSON Schema (draft 2020-12) that editors can validate and complete with."""
    schema: JsonObject = {"$schema": "https://json-schema.org/draft/2020-12/schema", **ScenarioFile.model_json_schema()}
    return schema
