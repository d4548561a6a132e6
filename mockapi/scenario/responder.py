"""The auto-responder: a deterministic, useful answer to a request that no step matches.

A turn that a user began calls a tool where one is offered (or asked for) once; a tool that the server runs is called only when it
is asked for, and the answer follows at once. When a tool's output comes, or when there is no tool, it answers: with a value valid
under the JSON schema asked for, or with a text that says what it understood. So an agent loop ends.
"""

from collections.abc import Iterator, Mapping

from mockapi.errors import MockError
from mockapi.scenario.bounds import NoValueError
from mockapi.scenario.forms import draft_of, long_item
from mockapi.scenario.hosts import HostedCall, hosted_call
from mockapi.scenario.match import Facts
from mockapi.wire.json import JsonObject, dumps

__all__ = ["respond"]

_LONGEST_QUOTE = 200
_GREETING = "This is mockapi; no scenario step matched this request."


def respond(facts: Facts) -> bytes:
    """The drafts of the answer; `MockError` 422 if no value fits a schema that the request asks for."""
    is_turn = facts.context.has_user_after
    if is_turn and (call := _call_of(facts)):
        items = [call]
    elif is_turn and (hosted := hosted_call(facts)):
        items = [hosted.item, _answer(facts, hosted)]
    else:
        items = [_answer(facts)]
    return dumps([draft_of(long_item(item)) for item in items])


def _call_of(facts: Facts) -> JsonObject | None:
    """A call of the tool that is asked for, or else of the first on offer for which there are arguments."""
    if facts.request.tool_choice != "auto":
        tool = _tool_to_call(facts)
        return _call(tool) if tool else None
    for tool in _runnable(facts.offered):
        try:
            return _call(tool)
        except MockError:  # its schema allows no value; nobody has asked for it
            continue
    return None


def _tool_to_call(facts: Facts) -> Mapping[str, object] | None:
    """The named tool, or the first one on offer that a client runs."""
    choice = facts.request.tool_choice
    tools = list(_runnable(facts.offered))
    if choice == "none":
        return None
    if isinstance(choice, str):
        return tools[0] if tools else None
    if choice.get("type") == "allowed_tools":
        allowed = choice.get("tools")
        names = {str(each.get("name")) for each in allowed if isinstance(each, Mapping)} if isinstance(allowed, list) else set()
        return next((tool for tool in tools if tool["name"] in names), None)
    return next((tool for tool in tools if (tool["type"], tool["name"]) == (choice.get("type"), choice.get("name"))), None)


def _runnable(tools: object, namespace: str | None = None) -> Iterator[JsonObject]:
    """Functions and custom tools, those of namespaces too."""
    for tool in tools if isinstance(tools, list) else []:
        if tool["type"] in ("function", "custom"):
            yield {**tool, "namespace": namespace}
        elif tool["type"] == "namespace":
            yield from _runnable(tool["tools"], str(tool["name"]))


def _call(tool: Mapping[str, object]) -> JsonObject:
    name, place = tool["name"], {"namespace": tool["namespace"]} if tool["namespace"] else {}
    if tool["type"] == "custom":
        return {"custom_tool_call": {"name": name, "input": "example input", **place}}
    arguments = _value(tool.get("parameters") or {}, f"the parameters of the function '{name}'", is_object=True)
    return {"function_call": {"name": name, "arguments": arguments, **place}}


def _answer(facts: Facts, hosted: HostedCall | None = None) -> JsonObject:
    form = (facts.request.text or {}).get("format") or {"type": "text"}
    if form["type"] == "json_schema":
        return {"json": _value(form["schema"], f"the schema of text.format '{form['name']}'")}
    text = f"{_GREETING} {hosted.said}" if hosted else _understood(facts)
    if form["type"] == "json_object":
        return {"json": {"message": text}}
    return {"message": {"text": text, "annotations": _cited(hosted, text)}} if hosted else {"message": text}


def _cited(hosted: HostedCall, text: str) -> list[JsonObject]:
    """What was said is cited whole."""
    if hosted.citation is None:
        return []
    start, end = len(text) - len(hosted.said), len(text)
    span = {"index": end} if hosted.citation["type"] == "file_citation" else {"end_index": end, "start_index": start}
    return [{**hosted.citation, **span}]


def _value(schema: object, what: str, *, is_object: bool = False) -> object:
    try:
        from mockapi.scenario.sample import sample  # noqa: PLC0415 - start-up time until a schema wants a value

        return sample(schema, is_object=is_object)
    except NoValueError as error:
        message = f"The auto-responder found no value for {what}: {error}. Script a reply for this request."
        raise MockError(message, status=422, code="mock_no_value") from None


def _understood(facts: Facts) -> str:
    """One line that says what came."""
    context = facts.context
    if context.outputs:
        told = "; ".join(f"{output.name} returned {_quoted(output.output)}" for output in context.outputs)
        return f"{_GREETING} {told}."
    said = f" You said: {_quoted(context.user_text)}" if context.user_text.strip() else ""
    return f"{_GREETING}{said}"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line[:_LONGEST_QUOTE]}{'…' if len(line) > _LONGEST_QUOTE else ''}”"
