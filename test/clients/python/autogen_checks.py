"""What AutoGen makes of assistants, from version 0.4 on: OpenAIAssistantAgent."""

import os
import tempfile
from pathlib import Path

from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_ext.agents.openai import OpenAIAssistantAgent
from openai import AsyncOpenAI
from report import equal, run_checks

PREFIX = os.environ["SCENARIO_CLIENT"]
token = CancellationToken()


async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is sunny"


def agent(model, **fields):
    return OpenAIAssistantAgent(
        name="Tester",
        description="For tests.",
        client=AsyncOpenAI(),
        model=f"{PREFIX}:{model}",
        instructions="Be kind.",
        **fields,
    )


async def ask(one, question="Hi"):
    return await one.on_messages([TextMessage(source="user", content=question)], token)


def a_file(name, content):
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(content)
    return str(path)


async def check_text():
    one = agent("text")
    equal((await ask(one)).chat_message.content, "Hello there, größte 🧵.")
    equal((await ask(one, "Hi again")).chat_message.content, "Hello there, größte 🧵.")
    await one.delete_assistant(token)


async def check_functions():
    response = await ask(agent("calls", tools=[get_weather]))
    called, executed = response.inner_messages
    equal([call.arguments for call in called.content], ['{"city":"Rome"}', '{"city":"Oslo"}'])
    equal([result.content for result in executed.content], ["Rome is sunny", "Oslo is sunny"])
    equal(response.chat_message.content, "Sunny in both.")


async def check_code_with_file():
    one = agent("code", tools=["code_interpreter"])
    await one.on_upload_for_code_interpreter(a_file("data.csv", "a,b\n1,2\n"), token)
    equal((await ask(one)).chat_message.content, "That is it.")
    await one.delete_uploaded_files(token)


async def check_search_with_file():
    one = agent("text", tools=["file_search"])
    await one.on_upload_for_file_search(a_file("fish.txt", "Blue fish eat moss."), token)
    equal((await ask(one)).chat_message.content, "Hello there, größte 🧵.")
    await one.delete_uploaded_files(token)
    await one.delete_vector_store(token)


async def check_reset():
    one = agent("text")
    await ask(one)
    await one.on_reset(token)
    left = await one.messages.list((await one.save_state())["thread_id"])
    equal(left.data, [])


async def check_state():
    one = agent("text")
    await ask(one)
    other = agent("text")
    await other.load_state(await one.save_state())
    equal((await ask(other)).chat_message.content, "Hello there, größte 🧵.")
    messages = await other.messages.list((await other.save_state())["thread_id"])
    equal(len(messages.data), 4)


async def check_failed_run():
    try:
        await ask(agent("refuses"))
    except ValueError as error:
        assert str(error).startswith("Run failed: LastError(code='invalid_prompt'"), error
    else:
        raise AssertionError("no error")


run_checks(globals())
