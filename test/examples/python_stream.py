"""Uses the server through the official Python client and prints what came of it, one JSON line per section.

Every answer is validated twice: by the client itself, whose strict mode is on, and by pydantic in its own strict mode
against what was really sent, without the defaults that the client fills in.
"""

import json
import traceback
import warnings

import openai
import pydantic
from openai import OpenAI

warnings.simplefilter("ignore", DeprecationWarning)
client = OpenAI(max_retries=0, timeout=60, _strict_response_validation=True)
beta = client.beta
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
validated, invalid = set(), []


def checked(value):
    """Validates an object of the client's strictly, notes what is wrong with it, and returns it."""
    kind = type(value)
    validated.add(getattr(value, "event", None) or getattr(value, "object", None) or kind.__name__)
    sent = value.model_dump(by_alias=True, exclude_unset=True, warnings=False)
    try:
        kind.model_validate(sent, strict=True)
    except pydantic.ValidationError as error:
        invalid.extend(f"{kind.__name__} {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    return value


def finish(manager):
    """Reads a stream to its end; returns the helper with everything it gathered."""
    with manager as stream:
        for event in stream:
            checked(event)
            checked(event.data)
    return stream


def new_assistant(model, **fields):
    return checked(beta.assistants.create(model=model, name="Tester", instructions="Be kind.", **fields))


def new_thread(question="Hi"):
    return checked(beta.threads.create(messages=[{"role": "user", "content": question}]))


def texts(messages):
    return [part.text.value for message in messages for part in message.content]


def text_run():
    thread = new_thread()
    stream = finish(beta.threads.runs.stream(thread_id=thread.id, assistant_id=new_assistant("text_run").id))
    run = stream.get_final_run()
    return {
        "status": run.status,
        "said": texts(stream.get_final_messages()),
        "steps": [step.type for step in stream.get_final_run_steps()],
        "same": checked(beta.threads.runs.retrieve(run.id, thread_id=thread.id)) == run,
        "stored": texts(checked(beta.threads.messages.list(thread.id, order="asc")).data),
    }


def code_run():
    """Code and its output, as the deltas alone tell it."""
    assistant = new_assistant("code_run", tools=[{"type": "code_interpreter"}])
    stream = finish(
        beta.threads.create_and_run_stream(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": "Count."}]}
        )
    )
    run, (tools, _) = stream.get_final_run(), stream.get_final_run_steps()
    stored = checked(beta.threads.runs.steps.list(run.id, thread_id=run.thread_id, order="asc")).data
    return {
        "status": run.status,
        "streamed": [call_of(call) for call in tools.step_details.tool_calls],
        "stored": [call_of(call) for call in stored[0].step_details.tool_calls],
        "types": [step.type for step in stored],
        "said": texts(stream.get_final_messages()),
    }


def call_of(call):
    return [call.code_interpreter.input, [output.logs for output in call.code_interpreter.outputs]]


def figure_run():
    """A figure and a file, gathered from deltas alone: outputs, content parts, annotations, downloads."""
    assistant = new_assistant("figure_run", tools=[{"type": "code_interpreter"}])
    thread = new_thread("Draw.")
    stream = finish(beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id))
    run, (tools, _) = stream.get_final_run(), stream.get_final_run_steps()
    outputs = tools.step_details.tool_calls[0].code_interpreter.outputs
    stored = checked(beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc")).data
    kept = stored[0].step_details.tool_calls[0].code_interpreter.outputs
    (message,) = stream.get_final_messages()
    image, text = message.content
    (link,) = text.text.annotations
    return {
        "status": run.status,
        "outputs": [output.type for output in outputs],
        "same": [output.image.file_id for output in (outputs[1], kept[1])] == [image.image_file.file_id] * 2,
        "image": client.files.content(image.image_file.file_id).read()[1:4].decode(),
        "text": text.text.value,
        "linked": [link.text, text.text.value[link.start_index : link.end_index]],
        "file": client.files.content(link.file_path.file_id).text,
    }


def vector_stores():
    """Files on their way into a store, by the helpers that upload and wait."""
    store = checked(client.vector_stores.create(name="Town"))
    file = checked(
        client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("fish.txt", b"Blue fish eat moss."))
    )
    batch = checked(
        client.vector_stores.file_batches.upload_and_poll(
            vector_store_id=store.id, files=[("one.md", b"The tower of Quill."), ("two.zip", b"PK")]
        )
    )
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, order="asc")
    files = [checked(one) for one in checked(listed)]
    filled = checked(client.vector_stores.retrieve(store.id))
    found = checked(client.vector_stores.search(store.id, query="moss"))
    return {
        "file": [file.status, file.last_error],
        "batch": [batch.status, batch.file_counts.completed, batch.file_counts.failed],
        "files": sorted([one.status, one.last_error and one.last_error.code] for one in files),
        "store": [filled.status, filled.file_counts.total],
        "content": [part.text for part in client.vector_stores.files.content(file.id, vector_store_id=store.id)],
        "found": [[checked(one).filename, one.content[0].text] for one in found],
        "deleted": checked(client.vector_stores.delete(store.id)).deleted,
    }


class Handler(openai.AssistantEventHandler):
    """Notes what its callbacks are given."""

    def __init__(self):
        super().__init__()
        self.called, self.done, self.cited, self.said = [], {}, [], ""

    def on_event(self, event):
        checked(event)
        checked(event.data)

    def on_tool_call_created(self, tool_call):
        self.called.append(tool_call.type)

    def on_tool_call_done(self, tool_call):
        # The client calls this again when later steps end, and the run.
        self.done[tool_call.id] = [one.file_name for one in tool_call.file_search.results]

    def on_text_delta(self, delta, snapshot):
        self.said += delta.value or ""
        for annotation in delta.annotations or []:
            self.cited.append([delta.value, annotation.type, annotation.text, annotation.file_citation.file_id])


def search_run():
    """A search and its citation, by the callbacks of a handler and as the deltas alone tell them."""
    store = client.vector_stores.create(name="Lake")
    file = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("fish.txt", b"Blue fish eat moss.")
    )
    assistant = new_assistant(
        "search_run",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread, handler = new_thread("What do they eat?"), Handler()
    with beta.threads.runs.stream(
        thread_id=thread.id,
        assistant_id=assistant.id,
        include=["step_details.tool_calls[*].file_search.results[*].content"],
        event_handler=handler,
    ) as stream:
        stream.until_done()
    run, (tools, _) = stream.get_final_run(), stream.get_final_run_steps()
    (call,) = tools.step_details.tool_calls
    (message,) = stream.get_final_messages()
    text = message.content[0].text
    (citation,) = text.annotations
    stored = checked(beta.threads.messages.retrieve(message.id, thread_id=thread.id))
    return {
        "status": run.status,
        "called": handler.called,
        "done": list(handler.done.values()),
        "said": handler.said,
        "cited": [[value, kind, mark, cited == file.id] for value, kind, mark, cited in handler.cited],
        "found": [[one.file_name, one.content[0].text] for one in call.file_search.results],
        "citation": [citation.text, text.value[citation.start_index : citation.end_index]],
        "stored": stored.content[0].text.value == text.value and len(stored.content[0].text.annotations),
    }


def function_run():
    """Two parallel calls, answered through a second stream."""
    thread = new_thread()
    assistant = new_assistant("function_run", tools=[WEATHER])
    paused = finish(beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id)).get_final_run()
    calls = paused.required_action.submit_tool_outputs.tool_calls
    outputs = [
        {"tool_call_id": call.id, "output": f"{json.loads(call.function.arguments)['city']} is sunny"} for call in calls
    ]
    stream = finish(
        beta.threads.runs.submit_tool_outputs_stream(run_id=paused.id, thread_id=thread.id, tool_outputs=outputs)
    )
    done = stream.get_final_run()
    steps = checked(beta.threads.runs.steps.list(done.id, thread_id=thread.id, order="asc")).data
    step = checked(beta.threads.runs.steps.retrieve(steps[0].id, run_id=done.id, thread_id=thread.id))
    return {
        "paused": paused.status,
        "names": [call.function.name for call in calls],
        "done": [done.id == paused.id, done.status, done.required_action],
        "step": [[call.function.arguments, call.function.output] for call in step.step_details.tool_calls],
        "said": texts(stream.get_final_messages()),
    }


def polling():
    thread = new_thread()
    assistant = new_assistant("polling", tools=[WEATHER])
    paused = checked(beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id))
    call = paused.required_action.submit_tool_outputs.tool_calls[0]
    done = checked(
        beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=paused.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": call.id, "output": "cold"}]
        )
    )
    fresh = checked(beta.threads.create_and_run_poll(assistant_id=assistant.id, thread={"messages": []}))
    cancelled = checked(beta.threads.runs.cancel(fresh.id, thread_id=fresh.thread_id))
    ended = checked(beta.threads.runs.poll(fresh.id, thread_id=fresh.thread_id))
    return {
        "statuses": [paused.status, done.status, fresh.status, ended.status],
        "cancelling": cancelled.status in ("cancelling", "cancelled"),
        "said": texts(checked(beta.threads.messages.list(thread.id, run_id=done.id)).data),
        "listed": [run.id == done.id for run in checked(beta.threads.runs.list(thread.id)).data],
    }


def paging():
    thread = new_thread("0")
    for number in range(1, 7):
        checked(beta.threads.messages.create(thread.id, role="user", content=str(number), metadata={"n": "x"}))
    pages = beta.threads.messages.list(thread_id=thread.id, limit=3, order="asc")
    return {
        "ascending": texts(checked(message) for message in pages),
        "descending": texts(beta.threads.messages.list(thread_id=thread.id, limit=2)),
        "pages": [len(checked(page).data) for page in pages.iter_pages()],
    }


def changes():
    """Whatever can be changed and deleted."""
    assistant = new_assistant("any", tools=[{"type": "code_interpreter"}, {"type": "file_search"}, WEATHER])
    thread = new_thread()
    message = checked(beta.threads.messages.list(thread.id)).data[0]
    renamed = checked(beta.assistants.update(assistant.id, name="Other", temperature=0.5, metadata={"a": "b"}))
    return {
        "assistant": [renamed.name, renamed.temperature, renamed.metadata, renamed.instructions],
        "same": checked(beta.assistants.retrieve(assistant.id)) == renamed,
        "listed": assistant.id in [one.id for one in checked(beta.assistants.list())],
        "thread": checked(beta.threads.update(thread.id, metadata={"c": "d"})).metadata,
        "again": checked(beta.threads.retrieve(thread.id)).metadata,
        "message": checked(beta.threads.messages.update(message.id, thread_id=thread.id, metadata={})).id == message.id,
        "retrieved": checked(beta.threads.messages.retrieve(message.id, thread_id=thread.id)).id == message.id,
        "deleted": [
            checked(beta.threads.messages.delete(message.id, thread_id=thread.id)).deleted,
            checked(beta.threads.delete(thread.id)).deleted,
            checked(beta.assistants.delete(assistant.id)).deleted,
        ],
    }


def errors():
    thread = new_thread()
    return [
        caught(lambda: beta.assistants.retrieve("asst_nobody")),
        caught(lambda: beta.threads.messages.create(thread.id, role="robot", content="Hi")),
        caught(lambda: beta.threads.runs.create(thread.id, assistant_id="asst_nobody")),
        caught(lambda: beta.threads.messages.list(thread.id, limit=101)),
        caught(lambda: client.with_options(api_key="sk-wrong").beta.threads.create()),
    ]


def caught(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.type, error.code, error.param, error.body["message"]]
    return None


def raw_response():
    response = beta.threads.with_raw_response.create()
    thread = checked(response.parse())
    missing = None
    try:
        beta.threads.with_raw_response.retrieve("thread_nobody")
    except openai.NotFoundError as error:
        missing = error.request_id
    return {
        "type": response.headers["content-type"],
        "version": response.headers["openai-version"],
        "ms": response.headers["openai-processing-ms"],
        "request_id": response.headers["x-request-id"],
        "same": response.request_id == response.headers["x-request-id"] == thread._request_id,
        "failed_request_id": missing,
        "status": response.status_code,
    }


SECTIONS = [
    text_run,
    code_run,
    figure_run,
    vector_stores,
    search_run,
    function_run,
    polling,
    paging,
    changes,
    errors,
    raw_response,
]
for section in SECTIONS:
    try:
        outcome = section()
    except Exception:
        outcome = {"exception": traceback.format_exc()}
    print(json.dumps([section.__name__, outcome]), flush=True)
print(json.dumps(["validation", {"validated": sorted(validated), "invalid": invalid}]))
