"""Exercises marked and explained overnight: a file of runs, submitted as a batch, and the feedback in order."""

import json
import sys
import time

from openai import OpenAI

client = OpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY say where
count = int(sys.argv[1]) if len(sys.argv) > 1 else 200

assistant = client.beta.assistants.create(
    name="Exercise Tutor",
    instructions="You mark exercises. Run the code of the message. Answer in one line that begins with Right or Wrong.",
    tools=[{"type": "code_interpreter"}],
    model="gpt-4o",
)


def exercise(number):
    """An exercise with what a pupil wrote. Every fourth pupil adds before multiplying."""
    a, b, c = 2 + number % 17, 3 + number % 11, 4 + number % 7
    return f"{a} * {b} + {c}", a * (b + c) if number % 4 == 0 else a * b + c


def line(number):
    """A line of the batch: the body is that of a request to /v1/threads/runs."""
    task, given = exercise(number)
    product = task.split(" + ")[0]
    code = (
        f'print("Answer:", "right," if {task} == {given} else "wrong,", '
        f'"{product} is", {product}, "and {task} is", {task})'
    )
    question = f"Mark this answer and explain the steps.\n```python\n{code}\n```"
    thread = {"messages": [{"role": "user", "content": question}]}
    body = {"assistant_id": assistant.id, "thread": thread}
    return {"custom_id": f"exercise-{number}", "method": "POST", "url": "/v1/threads/runs", "body": body}


jsonl = "".join(json.dumps(line(number)) + "\n" for number in range(1, count + 1))
file = client.files.create(file=("exercises.jsonl", jsonl.encode()), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/threads/runs", completion_window="24h")
print(f"{batch.id} has {count} exercises")

while batch.status in ("validating", "in_progress", "finalizing", "cancelling"):
    time.sleep(1)
    batch = client.batches.retrieve(batch.id)
    print(f"{batch.status}: {batch.request_counts.completed} of {count} marked")
for error in batch.errors.data if batch.errors else []:
    print(f"line {error.line}: {error.message}")
if batch.error_file_id:
    print("Not marked:", client.files.content(batch.error_file_id).text)
if not batch.output_file_id:
    raise SystemExit(f"The batch is {batch.status}.")

right = 0
for text in client.files.content(batch.output_file_id).text.splitlines():
    result = json.loads(text)
    number = int(result["custom_id"].split("-")[1])
    task, given = exercise(number)
    feedback = result["response"]["body"]["messages"][-1]["content"][0]["text"]["value"]
    right += feedback.startswith("Right")
    print(f"{number}. {task} = {given}? {feedback.splitlines()[0]}")
print(f"{right} of {count} answers are right")
