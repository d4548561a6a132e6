"""The agents SDK against the server: a tool loop, a handoff, an MCP approval, sessions on Conversations."""

import pytest

agents = pytest.importorskip("agents", reason="openai-agents is not installed")

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

SCENARIO = """
steps:
  - when: {tools: [get_weather], input: weather}
    reply: [{reasoning: I should look.}, {function_call: {name: get_weather, arguments: {city: Oslo}}}]
  - when: {tool_output: get_weather}
    reply: "It is {{ tool_outputs.get_weather }}."
  - when: {input: hand me over, tools: [transfer_to_expert]}
    reply: [{function_call: {name: transfer_to_expert, arguments: {}}}]
  - when: {tool_output: transfer_to_expert, instructions: You are the expert}
    reply: The expert speaks.
  - when: {approval: true}
    reply: [{mcp_call: {name: search, server_label: docs, arguments: {q: x}, output: found}}, {message: It was approved.}]
  - when: {approval: false}
    reply: It was not approved.
  - when: {input: search the docs}
    reply:
      - mcp_list_tools: {server_label: docs, tools: [{name: search, input_schema: {type: object}}]}
      - mcp_approval_request: {name: search, server_label: docs, arguments: {q: x}}
  - when: {input: remember}
    reply: "turn {{ turn }}"
"""


@pytest.fixture
async def model(serve):
    agents.set_tracing_disabled(True)
    client = serve(SCENARIO, unmatched="error").async_sdk()
    yield agents.OpenAIResponsesModel("gpt-5", client)
    await client.close()


def weather_agent(model):
    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"21 °C in {city}"

    return agents.Agent(name="Weather", instructions="Tell the weather.", model=model, tools=[get_weather])


async def test_a_tool_loop(model):
    result = await agents.Runner.run(weather_agent(model), "weather please")
    assert result.final_output == "It is 21 °C in Oslo."


async def test_a_streamed_tool_loop(model):
    result = agents.Runner.run_streamed(weather_agent(model), "weather please")
    types = [event.data.type async for event in result.stream_events() if event.type == "raw_response_event"]
    assert result.final_output == "It is 21 °C in Oslo."
    assert types.count("response.completed") == 2


async def test_a_handoff(model):
    expert = agents.Agent(name="Expert", instructions="You are the expert", model=model)
    triage = agents.Agent(name="Triage", instructions="Hand over.", model=model, handoffs=[expert])
    result = await agents.Runner.run(triage, "hand me over")
    assert (result.final_output, result.last_agent.name) == ("The expert speaks.", "Expert")


@pytest.mark.parametrize(("is_approved", "said"), [(True, "It was approved."), (False, "It was not approved.")])
async def test_an_mcp_approval(model, is_approved, said):
    asked = []

    def decide(request):
        asked.append(request.data.name)
        return {"approve": is_approved}

    config = {"type": "mcp", "server_label": "docs", "server_url": "https://docs.example/mcp", "require_approval": "always"}
    tool = agents.HostedMCPTool(tool_config=config, on_approval_request=decide)
    result = await agents.Runner.run(agents.Agent(name="Docs", model=model, tools=[tool]), "search the docs")
    assert (result.final_output, asked) == (said, ["search"])


async def test_a_session_on_conversations(model):
    from agents.memory import OpenAIConversationsSession

    session = OpenAIConversationsSession(openai_client=model._client)
    agent = agents.Agent(name="Memory", model=model)
    told = [(await agents.Runner.run(agent, "remember", session=session)).final_output for _ in range(3)]
    assert told == ["turn 1", "turn 2", "turn 3"]
    assert len(await session.get_items()) == 6
    assert len(await session.get_items(limit=2)) == 2
    last = await session.pop_item()
    assert last["role"] == "assistant"
    assert len(await session.get_items()) == 5
    await session.clear_session()
