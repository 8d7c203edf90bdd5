"""Three cells in one Python session: what one run leaves in the variables, the next run of the thread finds there."""

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where

assistant = client.beta.assistants.create(
    name="Calculator",
    instructions="You calculate. Write and run code, and keep values in variables for later.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)
thread = client.beta.threads.create()


def ask(question):
    print(f"user > {question}")
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content=question)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status != "completed":
        raise SystemExit(f"The run is {run.status}: {run.last_error}")
    for step in client.beta.threads.runs.steps.list(run.id, thread_id=thread.id):
        if step.step_details.type != "tool_calls":
            continue
        for call in step.step_details.tool_calls:
            show("|", call.code_interpreter.input)
            for output in call.code_interpreter.outputs:
                if output.type == "logs":
                    show(">", output.logs)


def show(mark, text):
    print("".join(f"    {mark} {line}\n" for line in text.splitlines()), end="")


ask("Let x = 21")
ask("Now multiply x by 2")
ask("What is x + 1?")
