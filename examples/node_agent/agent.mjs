// A weather agent on the openai package: node agent.mjs "What is the weather in Rome?"
import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY lead it
const model = "gpt-4o";
const tools = [
  {
    type: "function",
    name: "get_weather",
    description: "The weather of a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
    strict: true,
  },
];

const getWeather = ({ city }) => ({ city, temp_c: 21 });

async function turn(request) {
  const stream = await client.responses.create({ model, tools, stream: true, ...request });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") process.stdout.write(event.delta);
    if (event.type === "response.completed") return event.response;
  }
  throw new Error("the stream ended before the response did");
}

let response = await turn({ input: process.argv[2] ?? "What is the weather in Rome?" });
for (;;) {
  const calls = response.output.filter((item) => item.type === "function_call");
  if (calls.length === 0) break;
  const input = calls.map((call) => ({
    type: "function_call_output",
    call_id: call.call_id,
    output: JSON.stringify(getWeather(JSON.parse(call.arguments))),
  }));
  response = await turn({ input, previous_response_id: response.id });
}
process.stdout.write("\n");
