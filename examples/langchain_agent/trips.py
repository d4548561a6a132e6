"""A trip planner on LangChain, over the Responses API: structured output, a tool, streaming."""

from collections.abc import Iterator

from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int
    sights: list[str]


def model() -> ChatOpenAI:
    """The model, as the environment leads to it."""
    return ChatOpenAI(model="gpt-4o", use_responses_api=True)


def plan(wish: str) -> Trip:
    """A wish as a trip."""
    made = model().with_structured_output(Trip, method="json_schema").invoke(wish)
    assert isinstance(made, Trip)
    return made


def price(question: str, tool: BaseTool) -> str:
    """The answer to a question about prices, with the tool's help."""
    chat = model().bind_tools([tool])
    messages: list = [HumanMessage(question)]
    while True:
        said = chat.invoke(messages)
        messages.append(said)
        if not said.tool_calls:
            return said.text
        messages += [tool.invoke(call) for call in said.tool_calls]


def describe(place: str) -> Iterator[str]:
    """A description, word by word."""
    for chunk in model().stream(f"Please describe {place}"):
        if chunk.text:
            yield chunk.text
