"""What Semantic Kernel makes of assistants: OpenAIAssistantAgent and its threads."""

import os
import time
from typing import Annotated

from openai import AsyncOpenAI
from report import equal, run_checks
from semantic_kernel.agents import AssistantAgentThread, OpenAIAssistantAgent
from semantic_kernel.exceptions import AgentInvokeException
from semantic_kernel.functions import kernel_function

PREFIX = os.environ["SCENARIO_CLIENT"]
LONG_SECONDS = float(os.environ["SCENARIO_LONG_MS"]) / 1000
client = AsyncOpenAI()


class Weather:
    @kernel_function(name="get_weather", description="The weather in a city.")
    def get_weather(self, city: Annotated[str, "The city"]) -> str:
        return f"{city} is sunny"


async def agent(model, tools=(), **fields):
    definition = await client.beta.assistants.create(
        model=f"{PREFIX}:{model}", name="Tester", instructions="Be kind.", tools=list(tools)
    )
    return OpenAIAssistantAgent(client=client, definition=definition, **fields)


async def streamed(one, **fields):
    parts = [part async for part in one.invoke_stream(messages="Hi", **fields)]
    return "".join(str(part.message) for part in parts)


async def check_get_response():
    one = await agent("text")
    thread = AssistantAgentThread(client=client)
    response = await one.get_response(messages="Hi", thread=thread)
    equal(str(response.message), "Hello there, größte 🧵.")
    again = await one.get_response(messages="Hi again", thread=response.thread)
    equal(str(again.message), "Hello there, größte 🧵.")
    kept = [str(message) async for message in thread.get_messages(sort_order="asc")]
    equal(kept, ["Hi", "Hello there, größte 🧵.", "Hi again", "Hello there, größte 🧵."])
    await thread.delete()


async def check_invoke_stream():
    equal(await streamed(await agent("text")), "Hello there, größte 🧵.")


async def check_long_silent_stream():
    began = time.monotonic()
    equal(await streamed(await agent("silent")), "one two three four")
    assert time.monotonic() - began >= LONG_SECONDS


# The kernel names the functions of a plugin `plugin-function`.
PLUGIN = {"plugins": [Weather()]}


async def check_functions():
    one = await agent("plugin-calls", **PLUGIN)
    answers = [str(part.message) async for part in one.invoke(messages="Hi")]
    equal(answers, ["Sunny in both."])


async def check_functions_streamed():
    equal(await streamed(await agent("plugin-calls", **PLUGIN)), "Sunny in both.")


async def check_code():
    tools, resources = OpenAIAssistantAgent.configure_code_interpreter_tool()
    equal(resources.get("code_interpreter", {}).get("file_ids", []), [])
    one = await agent("code", tools)
    seen = [item async for part in one.invoke(messages="Draw.") for item in part.message.items]
    assert "FileReferenceContent" in [type(item).__name__ for item in seen], seen


async def check_code_streamed():
    tools, _ = OpenAIAssistantAgent.configure_code_interpreter_tool()
    answer = await streamed(await agent("code", tools))
    assert answer.startswith("import time\n") and answer.endswith("That is it."), answer


async def check_failed_run():
    try:
        await (await agent("refuses")).get_response(messages="Hi")
    except AgentInvokeException as error:
        assert "failed" in str(error), error
    else:
        raise AssertionError("no error")


run_checks(globals())
