"""A math tutor that writes Python, runs it, and answers, all of it streamed as it happens."""

from openai import AssistantEventHandler, OpenAI
from typing_extensions import override

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where

assistant = client.beta.assistants.create(
    name="Math Tutor",
    instructions="You are a personal math tutor. Write and run code to answer math questions.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)
thread = client.beta.threads.create()
question = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
client.beta.threads.messages.create(thread_id=thread.id, role="user", content=question)
print(f"user > {question}")


class EventHandler(AssistantEventHandler):
    @override
    def on_text_created(self, text):
        print("\nassistant > ", end="", flush=True)

    @override
    def on_text_delta(self, delta, snapshot):
        print(delta.value, end="", flush=True)

    @override
    def on_tool_call_created(self, tool_call):
        print(f"\nassistant > {tool_call.type}\n", flush=True)

    @override
    def on_tool_call_delta(self, delta, snapshot):
        if delta.type != "code_interpreter" or delta.code_interpreter is None:
            return
        if delta.code_interpreter.input:
            print(delta.code_interpreter.input, end="", flush=True)
        for output in delta.code_interpreter.outputs or []:
            if output.type == "logs":
                print(f"\noutput >\n{output.logs}", end="", flush=True)

    @override
    def on_event(self, event):
        if event.event == "thread.run.failed":
            print(f"\nThe run failed: {event.data.last_error.message}", end="")


with client.beta.threads.runs.stream(
    thread_id=thread.id,
    assistant_id=assistant.id,
    instructions="Please address the user as Jane Doe. The user has a premium account.",
    event_handler=EventHandler(),
) as stream:
    stream.until_done()
print()
