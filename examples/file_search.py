"""Files to ask: attach two texts, ask a question, and show which file each statement of the answer is from."""

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where

TEXTS = {
    "trains.txt": b"The night train to Quill leaves at 22:40. The day train to Orb leaves at noon.",
    "fares.txt": b"A single ticket costs 12 crowns. Children under six pay nothing.",
}

files = [client.files.create(file=text, purpose="assistants") for text in TEXTS.items()]
assistant = client.beta.assistants.create(
    name="Clerk",
    instructions="Answer from the files you are given, and cite them.",
    tools=[{"type": "file_search"}],
    model="gpt-4o",
)
thread = client.beta.threads.create(
    messages=[
        {
            "role": "user",
            "content": "When does the night train to Quill leave, according to my files?",
            "attachments": [{"file_id": file.id, "tools": [{"type": "file_search"}]} for file in files],
        }
    ]
)
run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
if run.status != "completed":
    raise SystemExit(f"The run is {run.status}: {run.last_error}")

messages = client.beta.threads.messages.list(thread_id=thread.id, run_id=run.id)
for part in messages.data[0].content:
    if part.type != "text":
        continue
    text = part.text.value
    cited = []
    for annotation in part.text.annotations:
        if annotation.type == "file_citation":
            file = client.files.retrieve(annotation.file_citation.file_id)
            cited.append(f"[{len(cited) + 1}] {file.filename}")
            text = text.replace(annotation.text, f"[{len(cited)}]", 1)
    print(text, "\n".join(cited), sep="\n\n")
