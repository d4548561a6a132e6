"""`mockapi explain`: a request held against scenario files, or a call of a running server's journal against its scenarios."""

from collections.abc import Sequence
from pathlib import Path

from mockapi.client import AdminClient, entry_path, origin_of
from mockapi.errors import ApiError, UsageError
from mockapi.scenario.explain import explain, refusal_of
from mockapi.scenario.load import CREATE, load_paths
from mockapi.scenario.select import Candidate
from mockapi.service.evidence import facts_of_body
from mockapi.wire.json import JsonObject, loads, repeated_key
from mockapi.wire.parse import parse_create
from mockapi.wire.validation import bounded

__all__ = ["explain_call", "explain_request"]


def explain_request(paths: Sequence[Path], request: str) -> JsonObject:
    """The explanation of a create's body, or of a call as the journal shows it, given as JSON.

    The first of its conversation: nothing was used before. `ScenarioError` and `UsageError` for what cannot be read.
    """
    try:
        body = loads(request)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UsageError("the request must be a JSON object: the body of POST /v1/responses")
    twice = repeated_key(request.encode(), body)
    if twice is not None:
        raise UsageError(f"the request has the key '{bounded(twice)}' more than once in the same object, which a server refuses")
    headers: dict[str, str] = {}
    if isinstance(call := body.get("request"), dict) and "operation" in body:
        if body["operation"] != CREATE:
            raise UsageError(f"the call is one of {body['operation']}: explain it where it was made, with --journal ID --url URL")
        given = body.get("headers")
        headers = {str(name).lower(): str(value) for name, value in given.items()} if isinstance(given, dict) else {}
        body = call
    scenarios = load_paths(paths)
    explanation = explain([Candidate(scenario, {}) for scenario in scenarios], facts_of_body(body, headers))
    return explanation._replace(refused=_refusal(body)).data


def _refusal(body: JsonObject) -> str:
    """What is wrong with a body as it stands."""
    try:
        parse_create(body)
    except ApiError as error:
        return refusal_of(error.status, error.code, error.message)
    return ""


def explain_call(entry_id: str, url: str, api_key: str, admin_key: str = "") -> JsonObject:
    """The explanation of a call by the server that has it in its journal."""
    path = f"{entry_path(entry_id)}/explanation"
    client = AdminClient(origin_of(url, "--url"), admin_key=admin_key)
    try:
        told: JsonObject = client.call("GET", path, api_key)
    finally:
        client.close()
    if not {"text", "answers", "steps"} <= told.keys():
        raise UsageError(f"{client.origin} does not explain, which every mock server does: correct the URL")
    return told
