"""A support desk on `openai-agents`: triage hands refunds over to a specialist, who has a tool."""

from collections.abc import Callable

from agents import Agent, OpenAIProvider, RunConfig, Runner, function_tool
from openai import AsyncOpenAI

MODEL = "gpt-5"
Refund = Callable[[str, int], str]


def desk(make_refund: Refund) -> Agent:
    """The agent that a customer talks to."""

    @function_tool
    def refund(order: str, cents: int) -> str:
        """Pay an order back."""
        return make_refund(order, cents)

    refunds = Agent(name="refunds", instructions="You make refunds.", model=MODEL, tools=[refund])
    return Agent(name="triage", instructions="You sort requests.", model=MODEL, handoffs=[refunds])


async def serve(message: str, make_refund: Refund) -> tuple[str, str]:
    """(what the customer reads, who wrote it)."""
    async with AsyncOpenAI() as client:
        config = RunConfig(model_provider=OpenAIProvider(openai_client=client, use_responses=True), tracing_disabled=True)
        result = await Runner.run(desk(make_refund), message, run_config=config)
    return result.final_output, result.last_agent.name
