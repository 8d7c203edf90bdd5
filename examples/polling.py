"""Without streaming: start a run, wait for its end, then read what was said and what was done."""

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where

assistant = client.beta.assistants.create(
    name="Data Helper",
    instructions="You answer questions about numbers. Write and run code to calculate.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)
thread = client.beta.threads.create()


def ask(question):
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content=question)
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    if run.status != "completed":
        raise SystemExit(f"The run is {run.status}: {run.last_error}")
    print(f"{run.id} is {run.status} and used {run.usage.total_tokens} tokens")
    steps = client.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")
    for step in steps:
        print(f"  {step.type}: {step.status}")
        if step.step_details.type == "tool_calls":
            for call in step.step_details.tool_calls:
                for output in call.code_interpreter.outputs:
                    print("".join(f"    | {line}\n" for line in output.logs.splitlines()), end="")


ask("What is the mean and the median of 3, 5, 8, 13 and 21?")
ask("Is 1001 a prime number?")

print("\nThe thread now reads:")
for message in client.beta.threads.messages.list(thread_id=thread.id, order="asc"):
    for part in message.content:
        if part.type == "text":
            print(f"\n{message.role} > {part.text.value}")
