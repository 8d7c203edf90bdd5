"""A weather assistant: its run stops for two functions at once, and goes on with their outputs."""

import json

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where


def get_current_temperature(location, unit="Celsius"):
    celsius = {"San Francisco": 14, "Reykjavik": 3}.get(location.split(",")[0], 21)
    return f"{celsius * 9 // 5 + 32} °F" if unit == "Fahrenheit" else f"{celsius} °C"


def get_rain_probability(location):
    return {"San Francisco": "6 %", "Reykjavik": "80 %"}.get(location.split(",")[0], "20 %")


FUNCTIONS = {
    "get_current_temperature": get_current_temperature,
    "get_rain_probability": get_rain_probability,
}
LOCATION = {"type": "string", "description": "The city and state, such as San Francisco, CA"}
UNIT = {"type": "string", "enum": ["Celsius", "Fahrenheit"]}


def function(name, description, **properties):
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    described = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": described}


def follow(manager):
    """Prints a stream to its end. When the run waits for functions, calls them and goes on."""
    with manager as stream:
        for event in stream:
            if event.event == "thread.message.created":
                print("\nassistant > ", end="")
            elif event.event == "thread.message.delta":
                print(event.data.delta.content[0].text.value, end="", flush=True)
        run = stream.get_final_run()
    if run.last_error:
        print(f"\nThe run failed: {run.last_error.message}", end="")
    if run.status != "requires_action":
        return
    outputs = []
    for call in run.required_action.submit_tool_outputs.tool_calls:
        output = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
        print(f"function > {call.function.name} {call.function.arguments} -> {output}")
        outputs.append({"tool_call_id": call.id, "output": output})
    follow(
        client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
        )
    )


assistant = client.beta.assistants.create(
    name="Weather Bot",
    instructions="You are a weather bot. Use the provided functions to answer questions.",
    tools=[
        function("get_current_temperature", "The temperature now", location=LOCATION, unit=UNIT),
        function("get_rain_probability", "The probability of rain today", location=LOCATION),
    ],
    model="gpt-4o",
)
question = "What's the weather in San Francisco today, and how likely is it to rain?"
thread = client.beta.threads.create(messages=[{"role": "user", "content": question}])
print(f"user > {question}\n")
follow(client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id))
print()
