"""How cases are written: calls of one application, and what must come back."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.testclient import TestClient

SCENARIO = """
steps:
  - {when: {input: stuck}, reply: x, background: {stuck: in_progress}}
  - {when: {input: failing}, reply: x, fail: server_error}
  - {when: {input: cut}, reply: x, incomplete: max_output_tokens}
  - {when: {input: think}, reply: [{reasoning: hm}, {function_call: {name: f, arguments: {}}}]}
prompts: {pmpt_known: {messages: [{text: hi}]}}
"""
SETTINGS = {"zdr": ("zdr-key",), "api_keys": ("test-key", "other-key", "zdr-key"), "models": ("gpt-*", "o*", "text-*")}
IRE = "invalid_request_error"
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
IMAGE_URL = "input[0].content[0].image_url"
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "1"}
SAID = {"role": "assistant", "content": "x", "id": "msg_1"}


class Api:
    """Calls of one application, as somebody with a key."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = "test-key",
        content: bytes | None = None,
        content_type: str | None = None,
    ):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        headers |= {} if content_type is None else {"content-type": content_type}
        how = {"content": content} if content is not None else {} if body is None else {"json": body}
        return self.client.request(method, path, headers=headers, **how)

    def create(self, *, key: str | None = "test-key", **body):
        return self.call("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", **body}, key=key)

    def made(self, text: str, **body) -> str:
        return self.create(input=text, **body).json()["id"]


@dataclass
class Case:
    """A call that must be refused, and how. `send` gives the answer, or that and what `{…}` in the message stands for."""

    send: Callable[[Api], object]
    message: str
    code: str | None = None
    param: str | None = None
    status: int = 400
    type: str | None = IRE
    headers: dict[str, str] = field(default_factory=dict)
    layout: str = "pretty"


def create(**body) -> Callable[[Api], object]:
    return lambda api: api.create(**body)


def call(*arguments, **options) -> Callable[[Api], object]:
    return lambda api: api.call(*arguments, **options)


def tool(**keys) -> Callable[[Api], object]:
    return create(tools=[keys])


def part(**keys) -> Callable[[Api], object]:
    return create(input=[{"role": "user", "content": [keys]}])
