"""What AutoGen makes of assistants, up to version 0.2: GPTAssistantAgent."""

import logging
import os
import uuid

from autogen import UserProxyAgent
from autogen.agentchat.contrib.gpt_assistant_agent import GPTAssistantAgent
from openai import NotFoundError
from report import equal, run_checks

PREFIX = os.environ["SCENARIO_CLIENT"]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
logging.disable(logging.WARNING)


def get_weather(city):
    return f"{city} is sunny"


def agent(model, name=None, assistant_id=None, **config):
    settings = {
        "model": f"{PREFIX}:{model}",
        "api_key": os.environ["OPENAI_API_KEY"],
        "base_url": os.environ["OPENAI_BASE_URL"],
    }
    return GPTAssistantAgent(
        name=name or f"tester_{uuid.uuid4().hex}",
        instructions="Be kind.",
        llm_config={"config_list": [settings]},
        assistant_config={"check_every_ms": 20, "assistant_id": assistant_id, **config},
    )


def ask(one, question="Hi"):
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False, max_consecutive_auto_reply=0)
    return user.initiate_chat(one, message=question, silent=True).chat_history[-1]["content"]


def check_text():
    assert ask(agent("text")).startswith("Hello there, größte 🧵.")


def check_functions():
    one = agent("calls", tools=[WEATHER])
    one.register_function(function_map={"get_weather": get_weather})
    assert ask(one).startswith("Sunny in both.")


def check_code():
    answer = ask(agent("code", tools=[{"type": "code_interpreter"}]))
    assert answer.startswith("Received file id=file-"), answer
    assert answer.rstrip().endswith("That is it."), answer


def check_found_by_name():
    name = f"known_{uuid.uuid4().hex}"
    first, second = agent("text", name=name), agent("text", name=name)
    equal(second.assistant_id, first.assistant_id)
    equal(agent("text", assistant_id=first.assistant_id).assistant_id, first.assistant_id)


def check_deleted():
    one = agent("text")
    one.delete_assistant()
    try:
        one.openai_client.beta.assistants.retrieve(one.assistant_id)
    except NotFoundError as error:
        equal(error.status_code, 404)
    else:
        raise AssertionError("no error")


run_checks(globals())
