"""Uses the server through the official AzureOpenAI client, sync and async, and prints what came of it."""

import asyncio
import json
import os

from openai import AsyncAzureOpenAI, AzureOpenAI, NotFoundError

settings = {
    "azure_endpoint": os.environ["OPENAI_BASE_URL"].removesuffix("/v1"),
    "api_key": os.environ["OPENAI_API_KEY"],
    "api_version": "2024-05-01-preview",
    "max_retries": 0,
    "timeout": 60,
}
client = AzureOpenAI(**settings)
beta = client.beta

file = client.files.create(file=("otters.txt", b"Otters eat fish."), purpose="assistants")
store = client.vector_stores.create(name="animals")
indexed = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
weather = {"type": "function", "function": {"name": "get_weather"}}
assistant = beta.assistants.create(
    model="azure_run",
    tools=[{"type": "file_search"}, weather],
    tool_resources={"file_search": {"vector_store_ids": [store.id]}},
)
thread = beta.threads.create(messages=[{"role": "user", "content": "Weather?"}])
with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
    paused = stream.get_final_run()
call = paused.required_action.submit_tool_outputs.tool_calls[0]
with beta.threads.runs.submit_tool_outputs_stream(
    run_id=paused.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "20°"}]
) as stream:
    said = "".join(stream.text_deltas)
try:
    beta.assistants.retrieve("asst_nobody")
    missing = None
except NotFoundError as error:
    missing = error.body["message"]


async def polled():
    async with AsyncAzureOpenAI(**settings, azure_deployment="azure_run") as other:
        chat = await other.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hi"}], stream=True
        )
        chunks = [chunk.choices[0].delta.content or "" async for chunk in chat if chunk.choices]
        run = await other.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        messages = await other.beta.threads.messages.list(thread.id, run_id=run.id)
        return [
            "".join(chunks),
            run.status,
            *(part.text.value for message in messages.data for part in message.content),
        ]


print(
    json.dumps(
        {
            "indexed": indexed.status,
            "paused": paused.status,
            "said": said,
            "polled": asyncio.run(polled()),
            "steps": [step.type for step in beta.threads.runs.steps.list(paused.id, thread_id=thread.id, order="asc")],
            "missing": missing,
            "deleted": [client.files.delete(file.id).deleted, beta.threads.delete(thread.id).deleted],
        }
    )
)
