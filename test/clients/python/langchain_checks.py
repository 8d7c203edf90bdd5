"""What LangChain makes of assistants: its runnables, and its agent executor around them."""

import os

from langchain_classic.agents import AgentExecutor
from langchain_classic.agents.openai_assistant import OpenAIAssistantRunnable
from langchain_community.agents.openai_assistant import OpenAIAssistantV2Runnable
from langchain_core.tools import tool
from openai import AsyncOpenAI, NotFoundError
from report import equal, run_checks

PREFIX = os.environ["SCENARIO_CLIENT"]


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"{city} is sunny"


def assistant(model, kind=OpenAIAssistantRunnable, tools=(), **fields):
    return kind.create_assistant(
        name="Tester",
        instructions="Be kind.",
        tools=list(tools),
        model=f"{PREFIX}:{model}",
        check_every_ms=20,
        **fields,
    )


def texts(messages):
    return [part.text.value for message in messages for part in message.content]


def check_invoke():
    runnable = assistant("text")
    first = runnable.invoke({"content": "Hi"})
    equal(texts(first), ["Hello there, größte 🧵."])
    again = runnable.invoke({"content": "Hi again", "thread_id": first[0].thread_id})
    equal([texts(again), again[0].thread_id], [["Hello there, größte 🧵."], first[0].thread_id])


async def check_ainvoke():
    """Up to where it asks for outputs: reading an answer, LangChain walks an asynchronous page without awaiting it."""
    runnable = await OpenAIAssistantRunnable.acreate_assistant(
        name="Tester",
        instructions="Be kind.",
        tools=[get_weather],
        model=f"{PREFIX}:calls",
        check_every_ms=20,
        async_client=AsyncOpenAI(),
    )
    calls = await runnable.ainvoke({"content": "Hi"})
    equal([call.function.name for call in calls], ["get_weather", "get_weather"])


def check_outputs():
    runnable = assistant("calls", tools=[get_weather], as_agent=True)
    actions = runnable.invoke({"content": "Hi"})
    equal([action.tool_input for action in actions], [{"city": "Rome"}, {"city": "Oslo"}])
    finish = runnable.invoke(
        {
            "tool_outputs": [
                {"output": get_weather.invoke(action.tool_input), "tool_call_id": action.tool_call_id}
                for action in actions
            ],
            "run_id": actions[0].run_id,
            "thread_id": actions[0].thread_id,
        }
    )
    equal(finish.return_values["output"], "Sunny in both.")


def check_agent_executor():
    runnable = assistant("calls", tools=[get_weather], as_agent=True)
    executor = AgentExecutor(agent=runnable, tools=[get_weather])
    equal(executor.invoke({"content": "Hi"})["output"], "Sunny in both.")


def check_version_2():
    runnable = assistant("code", kind=OpenAIAssistantV2Runnable, tools=[{"type": "code_interpreter"}])
    (message,) = runnable.invoke({"content": "Draw."})
    equal([part.type for part in message.content], ["image_file", "text"])


def check_failed_run():
    try:
        assistant("refuses").invoke({"content": "Hi"})
    except ValueError as error:
        assert str(error).startswith("Unexpected run status: failed."), error
    else:
        raise AssertionError("no error")


def check_missing_assistant():
    try:
        OpenAIAssistantRunnable(assistant_id="asst_nobody").invoke({"content": "Hi"})
    except NotFoundError as error:
        equal(error.status_code, 404)
    else:
        raise AssertionError("no error")


run_checks(globals())
