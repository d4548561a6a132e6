"""State and history."""

import re
import socket
from collections.abc import Callable

from .api import CALL, IRE, OUTPUT, SAID, Api, Case, call, create


def cancelled(text: str, **body) -> Callable[[Api], object]:
    return lambda api: api.call("POST", f"/v1/responses/{api.made(text, **body)}/cancel")


def resumed(**body) -> Callable[[Api], object]:
    return lambda api: api.call("GET", f"/v1/responses/{api.made('x', **body)}?stream=true")


def too_old(api: Api):
    stream = api.create(background=True, stream=True).text
    response_id = re.search(r'"id":"(resp_\w+)"', stream)[1]
    api.call("POST", "/_mock/clock", {"advance": "6m"})
    return api.call("GET", f"/v1/responses/{response_id}?stream=true")


def in_flight(api: Api):
    return api.call("DELETE", f"/v1/responses/{api.made('stuck', background=True)}")


def busy(api: Api):
    conversation = api.call("POST", "/v1/conversations", {}).json()["id"]
    api.made("stuck", background=True, conversation=conversation)
    return api.create(conversation=conversation)


def no_item(api: Api):
    conversation = api.call("POST", "/v1/conversations", {}).json()["id"]
    return api.call("GET", f"/v1/conversations/{conversation}/items/msg_1")


def both_histories(api: Api):
    conversation = api.call("POST", "/v1/conversations", {}).json()["id"]
    return api.create(conversation=conversation, previous_response_id=api.made("x"))


def thoughtless(api: Api):
    """A call is replayed without the reasoning that it came of."""
    reasoning, made = api.create(model="gpt-5", input="think").json()["output"]
    output = {"type": "function_call_output", "call_id": made["call_id"], "output": "1"}
    return api.create(model="gpt-5", input=[made, output]), {"id": made["id"], "needed": reasoning["id"]}


def sealed(key: str, change: str = "") -> Callable[[Api], object]:
    def send(api: Api):
        made = api.call("POST", "/v1/responses/compact", {"model": "gpt-4o", "input": "one"}, key=key).json()["output"][-1]
        made["encrypted_content"] = made["encrypted_content"][: -len(change) or None] + change
        return api.create(input=[made, {"role": "user", "content": "x"}]), {"id": made["id"]}

    return send


def unreachable(api: Api):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/hook"
        body = {"event_types": ["response.completed"], "name": "n", "url": url}
        made = api.call("POST", "/v1/webhook_endpoints", body).json()["id"]
        answer = api.call("POST", f"/v1/webhook_endpoints/{made}/test", {"event_type": "response.completed"})
    problem = re.search("reached: (ConnectError: .+)[.]", answer.json()["error"]["message"])  # the system's own words
    return answer, {"problem": problem[1]}


STATE: dict[str, Case] = {
    "mutually_exclusive_history": Case(
        both_histories,
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'.",
        "mutually_exclusive_parameters",
    ),
    "response_not_found": Case(call("GET", "/v1/responses/resp_1"), "Response with id 'resp_1' not found.", status=404),
    "previous_response_not_found": Case(
        create(previous_response_id="resp_1"),
        "Previous response with id 'resp_1' not found.", "previous_response_not_found", "previous_response_id",
    ),
    "conversation_not_found": Case(
        call("GET", "/v1/conversations/conv_1"), "Conversation with id 'conv_1' not found.", status=404
    ),
    "conversation_item_not_found": Case(no_item, "Item with id 'msg_1' not found in conversation.", status=404),
    "conversation_locked": Case(
        busy,
        "Another process is currently operating on this conversation. Please retry in a few seconds.",
        "conversation_locked", "conversation",
    ),
    "prompt_not_found": Case(create(prompt={"id": "pmpt_1"}), "Prompt with id 'pmpt_1' not found.", status=404),
    "prompt_version_not_found": Case(
        create(prompt={"id": "pmpt_known", "version": "7"}), "Prompt with id 'pmpt_known' and version '7' not found.", status=404
    ),
    "item_not_found": Case(
        create(input=[{"type": "item_reference", "id": "msg_1"}]), "Item with id 'msg_1' not found.", param="input", status=404
    ),
    "item_not_persisted": Case(
        create(input=[{"type": "item_reference", "id": "msg_1"}], store=False),
        "Item with id 'msg_1' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input.",
        param="input", status=404,
    ),
    "not_a_background_stream": Case(
        resumed(), "This response cannot be streamed because it was not created with background=true.", IRE, "stream"
    ),
    "not_a_stream": Case(
        resumed(background=True), "This response cannot be streamed because it was not created with stream=true.", IRE, "stream"
    ),
    "stream_too_old": Case(
        too_old, "This response can no longer be streamed because it is more than 5 minutes old.", IRE, "stream"
    ),
    "cancel_synchronous": Case(cancelled("x"), "Cannot cancel a synchronous response."),
    "cancel_completed": Case(cancelled("x", background=True), "Cannot cancel a completed response."),
    "cancel_failed": Case(cancelled("failing", background=True), "Cannot cancel a failed response."),
    "cancel_ended": Case(cancelled("cut", background=True), "Cannot cancel a response in terminal state."),
    "delete_in_flight": Case(in_flight, "Cannot delete an in-flight response."),
    "zdr_previous_response": Case(
        create(key="zdr-key", previous_response_id="resp_1"),
        "Previous response cannot be used for this organization due to Zero Data Retention.",
        "unsupported_parameter", "previous_response_id",
    ),
    "zdr_code_interpreter": Case(
        create(key="zdr-key", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]),
        "Code interpreter tool cannot be used for this organization due to Zero Data Retention",
        param="tools",
    ),
    "webhook_endpoint_not_found": Case(
        call("GET", "/v1/webhook_endpoints/whe_1"), "Webhook endpoint with id 'whe_1' not found.", status=404
    ),
    "webhook_endpoint_unreachable": Case(
        unreachable, "The webhook endpoint could not be reached: {problem}.", "webhook_endpoint_unreachable"
    ),
    "no_tool_output": Case(create(input=[CALL]), "No tool output found for function call call_1.", param="input"),
    "no_tool_call": Case(
        create(input=[OUTPUT]), "No tool call found for function call output with call_id call_1.", param="input"
    ),
    "no_approval_request": Case(
        create(input=[{"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}]),
        "No approval request found for approval response with approval_request_id mcpr_1.",
        param="input",
    ),
    "reasoning_without_follower": Case(
        create(input=[{"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "x"}]}]),
        "Item 'rs_1' of type 'reasoning' was provided without its required following item.",
        param="input",
    ),
    "item_without_reasoning": Case(
        thoughtless,
        "Item '{id}' of type 'function_call' was provided without its required 'reasoning' item: '{needed}'.",
        param="input",
    ),
    "duplicate_item": Case(
        create(input=[SAID, SAID]),
        "Duplicate item found with id msg_1. Remove duplicate items from your input and try again.",
        param="input",
    ),
    "invalid_encrypted_content": Case(
        sealed("test-key", "AAAAAAAA"),
        "The encrypted content for item {id} could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
        "invalid_encrypted_content", "input",
    ),
    "encrypted_content_of_others": Case(
        sealed("other-key"),
        "The encrypted content for item {id} could not be verified. Reason: Encrypted content organization_id did not match the target organization.",
        "invalid_encrypted_content", "input",
    ),
}  # fmt: skip
