"""A picture: the model draws it with matplotlib, the message shows it, and we keep it."""

import sys

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where
target = sys.argv[1] if len(sys.argv) > 1 else "sine.png"

assistant = client.beta.assistants.create(
    name="Plotter",
    instructions="You draw what you are asked for. Write and run code with matplotlib.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)
thread = client.beta.threads.create(messages=[{"role": "user", "content": "Plot a sine from 0 to 2 pi"}])
run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
if run.status != "completed":
    raise SystemExit(f"The run is {run.status}: {run.last_error}")

messages = client.beta.threads.messages.list(thread_id=thread.id, run_id=run.id)
for part in messages.data[0].content:
    if part.type == "text":
        print(part.text.value)
    if part.type == "image_file":
        client.files.content(part.image_file.file_id).write_to_file(target)
        print(f"The picture is in {target}.\n")
