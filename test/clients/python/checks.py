"""One check per function: it fails by raising. See scenario.py for how these run, and replies.ts for what the models say."""

import io
import json
import os
import time

import openai
from openai import AsyncAssistantEventHandler, AsyncAzureOpenAI, AsyncOpenAI
from report import equal

client = AsyncOpenAI(max_retries=0, timeout=120)
beta, runs = client.beta, client.beta.threads.runs
PREFIX = os.environ["SCENARIO_CLIENT"]
LONG_SECONDS = float(os.environ["SCENARIO_LONG_MS"]) / 1000
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ENDS = ["thread.message.completed", "thread.run.step.completed", "thread.run.completed"]


async def assistant_of(model, **fields):
    return await beta.assistants.create(model=f"{PREFIX}:{model}", instructions="Be kind.", **fields)


async def new_thread(question="Hi"):
    return await beta.threads.create(messages=[{"role": "user", "content": question}])


async def start(model, **fields):
    """What every run needs: the ids of a thread and of an assistant with a model of its own."""
    thread, assistant = await new_thread(), await assistant_of(model, **fields)
    return {"thread_id": thread.id, "assistant_id": assistant.id}


async def collected(items):
    return [item async for item in items]


def texts(messages):
    return [part.text.value for message in messages for part in message.content if part.type == "text"]


async def said(thread_id):
    return texts((await beta.threads.messages.list(thread_id, order="asc")).data)[1:]


def outputs_of(run):
    calls = run.required_action.submit_tool_outputs.tool_calls
    return [
        {"tool_call_id": call.id, "output": f"{json.loads(call.function.arguments)['city']} is sunny"} for call in calls
    ]


async def raised(kind, awaitable):
    try:
        await awaitable()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


class Recorder(AsyncAssistantEventHandler):
    """Notes every callback, once for a row of the same."""

    def __init__(self):
        super().__init__()
        self.calls, self.events, self.text, self.done, self.images = [], [], "", {}, []

    def note(self, name):
        if self.calls[-1:] != [name]:
            self.calls.append(name)

    async def on_event(self, event):
        assert self.current_event is event
        self.events.append(event.event)

    async def on_end(self):
        self.note("end")

    async def on_run_step_created(self, run_step):
        self.note("run_step_created")
        equal(self.current_run_step_snapshot.id, run_step.id)

    async def on_run_step_delta(self, delta, snapshot):
        self.note("run_step_delta")
        equal(delta.step_details.type, snapshot.step_details.type)

    async def on_run_step_done(self, run_step):
        self.note("run_step_done")
        assert run_step.status in ("completed", "cancelled"), run_step.status

    async def on_tool_call_created(self, tool_call):
        self.note(f"tool_call_created {tool_call.type}")

    async def on_tool_call_delta(self, delta, snapshot):
        self.note("tool_call_delta")
        equal(delta.type, snapshot.type)

    async def on_tool_call_done(self, tool_call):
        # The client calls this again when a later step ends, and the run.
        if tool_call.id not in self.done:
            self.note(f"tool_call_done {tool_call.type}")
        self.done[tool_call.id] = tool_call

    async def on_message_created(self, message):
        self.note("message_created")
        equal(message.status, "in_progress")

    async def on_message_delta(self, delta, snapshot):
        self.note("message_delta")
        equal(self.current_message_snapshot.id, snapshot.id)

    async def on_message_done(self, message):
        self.note("message_done")

    async def on_text_created(self, text):
        self.note("text_created")

    async def on_text_delta(self, delta, snapshot):
        self.note("text_delta")
        self.text += delta.value or ""
        equal(snapshot.value, self.text)

    async def on_text_done(self, text):
        self.note("text_done")
        equal(text.value, self.text)

    async def on_image_file_done(self, image_file):
        self.note("image_file_done")
        self.images.append(image_file.file_id)


async def read(manager):
    """Reads a stream to its end, and gives its handler."""
    async with manager as handler:
        await handler.until_done()
    return handler


async def check_assistants():
    made = await assistant_of("nobody", name="Tester", tools=[WEATHER, {"type": "code_interpreter"}])
    equal((await beta.assistants.retrieve(made.id)).to_dict(), made.to_dict())
    changed = await beta.assistants.update(made.id, name="Other", temperature=0.5, metadata={"a": "b"})
    equal([changed.name, changed.temperature, changed.metadata], ["Other", 0.5, {"a": "b"}])
    equal([tool.type for tool in changed.tools], ["function", "code_interpreter"])
    assert made.id in [one.id for one in (await beta.assistants.list(limit=100)).data]
    equal((await beta.assistants.delete(made.id)).deleted, True)
    await raised(openai.NotFoundError, lambda: beta.assistants.retrieve(made.id))


async def check_threads():
    made = await beta.threads.create(metadata={"a": "b"})
    equal((await beta.threads.update(made.id, metadata={"c": "d"})).metadata, {"c": "d"})
    equal((await beta.threads.retrieve(made.id)).metadata, {"c": "d"})
    equal((await beta.threads.delete(made.id)).deleted, True)
    await raised(openai.NotFoundError, lambda: beta.threads.retrieve(made.id))


async def check_messages():
    thread = await beta.threads.create()
    message = await beta.threads.messages.create(
        thread.id,
        role="user",
        content=[
            {"type": "text", "text": "größte 🧵"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
    )
    equal([part.type for part in message.content], ["text", "image_url"])
    ids = {"message_id": message.id, "thread_id": thread.id}
    equal((await beta.threads.messages.update(**ids, metadata={"a": "b"})).metadata, {"a": "b"})
    equal(texts([await beta.threads.messages.retrieve(**ids)]), ["größte 🧵"])
    equal((await beta.threads.messages.delete(**ids)).deleted, True)
    equal((await beta.threads.messages.list(thread.id)).data, [])


async def check_paging():
    thread = await new_thread("0")
    for number in range(1, 7):
        await beta.threads.messages.create(thread.id, role="user", content=str(number))
    lists = beta.threads.messages.list
    equal(texts(await collected(lists(thread.id, limit=3, order="asc"))), list("0123456"))
    equal(texts(await collected(lists(thread.id, limit=2))), list("6543210"))
    page = await lists(thread.id, limit=3)
    sizes = [len(each.data) async for each in page.iter_pages()]
    equal(sizes, [3, 3, 1])


async def check_files():
    made = await client.files.create(file=("größe.csv", io.BytesIO(b"a,b\n")), purpose="user_data")
    equal([made.filename, made.bytes], ["größe.csv", 4])
    equal((await client.files.retrieve(made.id)).to_dict(), made.to_dict())
    equal((await client.files.content(made.id)).read(), b"a,b\n")
    assert made.id in [one.id async for one in client.files.list(purpose="user_data")]
    equal((await client.files.delete(made.id)).deleted, True)


async def check_batches():
    """As the vendor's guide does it: upload, create, poll, download."""
    assistant = await assistant_of("text")
    body = {"assistant_id": assistant.id, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
    lines = [
        {"custom_id": name, "method": "POST", "url": "/v1/threads/runs", "body": body}
        for name in ("one", "two", "three")
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    file = await client.files.create(file=("input.jsonl", content), purpose="batch")
    batch = await client.batches.create(
        input_file_id=file.id, endpoint="/v1/threads/runs", completion_window="24h", metadata={"a": "b"}
    )
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.1)
        batch = await client.batches.retrieve(batch.id)
    equal([batch.status, batch.error_file_id, batch.metadata], ["completed", None, {"a": "b"}])
    equal(batch.request_counts.to_dict(), {"total": 3, "completed": 3, "failed": 0})
    results = (await client.files.content(batch.output_file_id)).text.splitlines()
    equal([json.loads(line)["custom_id"] for line in results], ["one", "two", "three"])
    equal({json.loads(line)["response"]["body"]["status"] for line in results}, {"completed"})
    assert batch.id in [one.id async for one in client.batches.list(limit=1)]
    await raised(openai.BadRequestError, lambda: client.batches.cancel(batch.id))


async def check_vector_stores():
    store = await client.vector_stores.create(name="Lake")
    file = await client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("fish.txt", b"Blue fish eat moss.")
    )
    equal(file.status, "completed")
    batch = await client.vector_stores.file_batches.upload_and_poll(
        vector_store_id=store.id, files=[("one.md", b"The tower of Quill."), ("two.md", b"The bridge of Quill.")]
    )
    equal([batch.status, batch.file_counts.completed], ["completed", 2])
    equal([one.filename async for one in client.vector_stores.search(store.id, query="moss")], ["fish.txt"])
    equal((await client.vector_stores.delete(store.id)).deleted, True)


async def check_create_and_poll():
    ids = await start("text")
    run = await runs.create_and_poll(**ids)
    equal(run.status, "completed")
    equal(await said(ids["thread_id"]), ["Hello there, größte 🧵."])
    steps = (await runs.steps.list(run.id, thread_id=run.thread_id)).data
    equal([step.type for step in steps], ["message_creation"])
    step = await runs.steps.retrieve(steps[0].id, run_id=run.id, thread_id=run.thread_id)
    equal(step.usage.to_dict(), run.usage.to_dict())
    equal([one.id for one in (await runs.list(run.thread_id)).data], [run.id])
    equal((await runs.update(run.id, thread_id=run.thread_id, metadata={"a": "b"})).metadata, {"a": "b"})


async def check_create_and_run_poll():
    assistant = await assistant_of("text")
    run = await beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Hi"}]}
    )
    equal([run.status, await said(run.thread_id)], ["completed", ["Hello there, größte 🧵."]])


async def check_outputs_and_poll():
    paused = await runs.create_and_poll(**await start("calls", tools=[WEATHER]))
    equal(paused.status, "requires_action")
    ids = {"run_id": paused.id, "thread_id": paused.thread_id}
    done = await runs.submit_tool_outputs_and_poll(**ids, tool_outputs=outputs_of(paused))
    equal([done.status, await said(done.thread_id)], ["completed", ["Sunny in both."]])


async def check_cancel_waiting():
    paused = await runs.create_and_poll(**await start("calls", tools=[WEATHER]))
    cancelling = await runs.cancel(paused.id, thread_id=paused.thread_id)
    assert cancelling.status in ("cancelling", "cancelled"), cancelling.status
    ended = await runs.poll(paused.id, thread_id=paused.thread_id)
    equal(ended.status, "cancelled")
    error = await raised(openai.BadRequestError, lambda: runs.cancel(paused.id, thread_id=paused.thread_id))
    equal(error.body["message"], "Cannot cancel run with status 'cancelled'.")


async def check_cancel_streaming():
    async with runs.stream(**await start("stuck"), event_handler=Recorder()) as stream:
        async for event in stream:
            if event.event == "thread.message.delta":
                await runs.cancel(stream.current_run.id, thread_id=stream.current_run.thread_id)
    equal(
        stream.events[-4:],
        ["thread.run.cancelling", "thread.message.incomplete", "thread.run.step.cancelled", "thread.run.cancelled"],
    )
    equal((await stream.get_final_run()).status, "cancelled")


async def check_raw_events():
    events = await collected(await runs.create(**await start("text"), stream=True))
    opening = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
    opening += ["thread.run.step.created", "thread.run.step.in_progress"]
    opening += ["thread.message.created", "thread.message.in_progress", "thread.message.delta"]
    equal([event.event for event in events][: len(opening)], opening)
    equal([event.event for event in events][-3:], ENDS)


async def check_text_callbacks():
    async with runs.stream(**await start("text"), event_handler=Recorder()) as stream:
        await stream.until_done()
    middle = ["message_delta", "text_delta"] * (stream.calls.count("text_delta") - 1)
    equal(
        stream.calls,
        ["run_step_created", "message_created", "text_created", "text_delta", *middle, "message_delta"]
        + ["text_done", "message_done", "run_step_done", "end"],
    )
    run = await stream.get_final_run()
    equal(run.to_dict(), (await runs.retrieve(run.id, thread_id=run.thread_id)).to_dict())
    equal(texts(await stream.get_final_messages()), await said(run.thread_id))
    equal([step.type for step in await stream.get_final_run_steps()], ["message_creation"])


async def check_text_deltas():
    assistant = await assistant_of("text")
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    async with beta.threads.create_and_run_stream(assistant_id=assistant.id, thread=thread) as stream:
        deltas = await collected(stream.text_deltas)
    equal("".join(deltas), "Hello there, größte 🧵.")


async def check_function_callbacks():
    paused = await read(runs.stream(**await start("calls", tools=[WEATHER]), event_handler=Recorder()))
    equal([call.function.arguments for call in paused.done.values()], ['{"city":"Rome"}', '{"city":"Oslo"}'])
    equal(paused.calls.count("tool_call_created function"), 2)
    assert "tool_call_delta" in paused.calls
    run = await paused.get_final_run()
    equal([run.status, paused.calls[-1]], ["requires_action", "end"])
    ids = {"run_id": run.id, "thread_id": run.thread_id}
    done = await read(runs.submit_tool_outputs_stream(**ids, tool_outputs=outputs_of(run), event_handler=Recorder()))
    equal([done.text, (await done.get_final_run()).status], ["Sunny in both.", "completed"])
    steps = (await runs.steps.list(run.id, thread_id=run.thread_id, order="asc")).data
    outputs = [call.function.output for call in steps[0].step_details.tool_calls]
    equal(outputs, ["Rome is sunny", "Oslo is sunny"])


async def check_code_callbacks():
    """Code that takes its time, what it prints, and an image, by callbacks alone."""
    ids = await start("code", tools=[{"type": "code_interpreter"}])
    stream = await read(runs.stream(**ids, event_handler=Recorder()))
    for name in ["tool_call_created code_interpreter", "tool_call_delta", "tool_call_done code_interpreter"]:
        assert name in stream.calls, f"{name} is not among {stream.calls}"
    (call,) = stream.done.values()
    equal([output.type for output in call.code_interpreter.outputs], ["logs", "image"])
    (image,) = stream.images
    equal((await client.files.content(image)).read()[1:4], b"PNG")
    equal([stream.text, (await stream.get_final_run()).status], ["That is it.", "completed"])


async def check_exception_callback():
    class Broken(AsyncAssistantEventHandler):
        seen = []

        async def on_text_delta(self, delta, snapshot):
            raise KeyError("mine")

        async def on_exception(self, exception):
            self.seen.append(repr(exception))

    ids = await start("text")
    await raised(KeyError, lambda: read(runs.stream(**ids, event_handler=Broken())))
    equal(Broken.seen, ["KeyError('mine')"])


async def check_failed_run():
    stream = await read(runs.stream(**await start("refuses"), event_handler=Recorder()))
    run = await stream.get_final_run()
    equal([run.status, run.last_error.code, stream.events[-1]], ["failed", "invalid_prompt", "thread.run.failed"])


async def check_errors():
    missing = await raised(openai.NotFoundError, lambda: beta.assistants.retrieve("asst_nobody"))
    equal([missing.status_code, missing.type], [404, "invalid_request_error"])
    equal(missing.body["message"], "No assistant found with id 'asst_nobody'.")
    assert missing.request_id.startswith("req_")
    thread = await new_thread()
    wrong = await raised(
        openai.BadRequestError, lambda: beta.threads.messages.create(thread.id, role="robot", content="Hi")
    )
    equal([wrong.status_code, wrong.code, wrong.param], [400, "invalid_value", "role"])
    streamed = await raised(
        openai.NotFoundError, lambda: runs.create(thread.id, assistant_id="asst_nobody", stream=True)
    )
    equal(streamed.status_code, 404)
    stranger = client.with_options(api_key="sk-wrong")
    refused = await raised(openai.AuthenticationError, lambda: stranger.beta.threads.create())
    equal([refused.status_code, refused.code], [401, "invalid_api_key"])


async def check_raw_response():
    response = await beta.threads.with_raw_response.create()
    equal([response.status_code, response.headers["openai-version"]], [200, "2020-10-01"])
    equal(response.parse()._request_id, response.headers["x-request-id"])


async def check_azure():
    """An endpoint and a key are all that its client is given."""
    endpoint = os.environ["OPENAI_BASE_URL"].removesuffix("/v1")
    azure = AsyncAzureOpenAI(azure_endpoint=endpoint, api_key=client.api_key, api_version="2024-05-01-preview")
    messages = [{"role": "user", "content": "Hi"}]
    made = await azure.beta.assistants.create(model=f"{PREFIX}:text")
    thread = await azure.beta.threads.create(messages=messages)
    stream = await read(
        azure.beta.threads.runs.stream(thread_id=thread.id, assistant_id=made.id, event_handler=Recorder())
    )
    equal(stream.text, "Hello there, größte 🧵.")
    chat = await azure.chat.completions.create(model=f"{PREFIX}:text", messages=messages, stream=True)
    chunks = await collected(chat)
    equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), stream.text)


async def check_long_silent_stream():
    """The model says two words, nothing for long, and the rest."""
    began = time.monotonic()
    events = await collected(await runs.create(**await start("silent"), stream=True))
    assert time.monotonic() - began >= LONG_SECONDS
    equal([event.event for event in events][-3:], ENDS)
    equal(texts([events[-3].data]), ["one two three four"])


async def check_long_silent_callbacks():
    stream = await read(runs.stream(**await start("silent"), event_handler=Recorder()))
    equal([stream.text, (await stream.get_final_run()).status], ["one two three four", "completed"])


async def check_long_busy_stream():
    """The model says a word every now and then, for as long."""
    began = time.monotonic()
    stream = await read(runs.stream(**await start("busy"), event_handler=Recorder()))
    assert time.monotonic() - began >= LONG_SECONDS
    equal([stream.text[:12], stream.text[-5:]], ["word word wo", " word"])
    equal(await said((await stream.get_final_run()).thread_id), [stream.text])
    assert stream.events.count("thread.message.delta") > 5


async def check_long_silent_outputs():
    """The model is silent from the outputs on."""
    paused = await runs.create_and_poll(**await start("silent-outputs", tools=[WEATHER]))
    ids = {"run_id": paused.id, "thread_id": paused.thread_id}
    began = time.monotonic()
    done = await read(runs.submit_tool_outputs_stream(**ids, tool_outputs=outputs_of(paused), event_handler=Recorder()))
    assert time.monotonic() - began >= LONG_SECONDS
    equal([done.text, (await done.get_final_run()).status], ["one two three four", "completed"])
