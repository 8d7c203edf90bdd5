"""A file in, a file out: upload a CSV, have it summarised with Python, download the CSV that the answer links."""

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where

SALES = b"""region,product,units,revenue
North,loom,3,1050.50
South,loom,2,700.00
North,spindle,40,200.25
West,loom,1,350.00
South,spindle,12,60.75
"""

sales = client.files.create(file=("sales.csv", SALES), purpose="assistants")
assistant = client.beta.assistants.create(
    name="Analyst",
    instructions="You analyse data. Write and run code with pandas, and link the files you write.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)
thread = client.beta.threads.create(
    messages=[
        {
            "role": "user",
            "content": "Summarise the attached CSV as a new CSV: the total units and revenue per region.",
            "attachments": [{"file_id": sales.id, "tools": [{"type": "code_interpreter"}]}],
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
    print(part.text.value)
    for annotation in part.text.annotations:
        if annotation.type == "file_path":
            content = client.files.content(annotation.file_path.file_id)
            print(f"\n{annotation.text} holds:\n\n{content.text}")
