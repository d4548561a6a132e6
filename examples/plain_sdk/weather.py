"""A weather agent on the plain SDK: it asks, runs the tools that are called, and goes on until there is an answer."""

import json
from collections.abc import Callable, Iterator

from openai import OpenAI

MODEL = "gpt-4o"
MOST_ROUNDS = 5
TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
]


class CutShortError(Exception):
    """A stream ended before the response did; `so_far` is what came."""

    def __init__(self, so_far: str) -> None:
        super().__init__("the answer was cut short")
        self.so_far = so_far


def ask(question: str, get_weather: Callable[[str], str]) -> str:
    """The answer to a question; `get_weather` is called as often as the model wants it."""
    client = OpenAI()
    response = client.responses.create(model=MODEL, input=question, tools=TOOLS)
    for _ in range(MOST_ROUNDS):
        calls = [item for item in response.output if item.type == "function_call"]
        if not calls:
            return response.output_text
        outputs = [
            {"type": "function_call_output", "call_id": call.call_id, "output": get_weather(json.loads(call.arguments)["city"])}
            for call in calls
        ]
        response = client.responses.create(model=MODEL, input=outputs, previous_response_id=response.id, tools=TOOLS)
    raise RuntimeError(f"no answer after {MOST_ROUNDS} rounds")


def tell(prompt: str) -> Iterator[str]:
    """The answer word by word; `CutShortError` if the stream ends without an end: the SDK itself says nothing then."""
    so_far, is_whole = "", False
    for event in OpenAI().responses.create(model=MODEL, input=prompt, stream=True):
        if event.type == "response.output_text.delta":
            so_far += event.delta
            yield event.delta
        is_whole = is_whole or event.type == "response.completed"
    if not is_whole:
        raise CutShortError(so_far)
