import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.MultipartField;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.beta.assistants.*;
import com.openai.models.beta.threads.*;
import com.openai.models.beta.threads.messages.*;
import com.openai.models.beta.threads.runs.*;
import com.openai.models.beta.threads.runs.steps.*;
import com.openai.models.files.FileCreateParams;
import com.openai.models.files.FileObject;
import com.openai.models.files.FilePurpose;
import com.openai.models.vectorstores.VectorStoreCreateParams;
import com.openai.models.vectorstores.VectorStoreSearchParams;
import com.openai.services.blocking.BetaService;
import com.openai.services.blocking.beta.ThreadService;
import com.openai.services.blocking.beta.threads.RunService;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.util.*;
import java.util.concurrent.*;
import java.util.function.Consumer;

/**
 * Runs every check through openai-java and prints a line for each: `ok NAME`, or `not ok NAME: ` and the reason as JSON.
 * A check fails by throwing. The client validates every answer against its types.
 */
public class Scenario {
  interface Check {
    void run() throws Exception;
  }

  static final String PREFIX = System.getenv("SCENARIO_CLIENT");
  static final long LONG_MS = Long.parseLong(System.getenv("SCENARIO_LONG_MS"));
  static final String SAID = "Hello there, größte 🧵.";
  static final List<String> ENDS =
      List.of("thread.message.completed", "thread.run.step.completed", "thread.run.completed");
  static final ObjectMapper JSON = new ObjectMapper();

  static final OpenAIClient client =
      OpenAIOkHttpClient.builder().fromEnv().maxRetries(0).responseValidation(true).build();
  static final ThreadService threads = client.beta().threads();
  static final RunService runs = threads.runs();

  public static void main(String[] args) throws Exception {
    Map<String, Check> checks = checks();
    ExecutorService pool = Executors.newFixedThreadPool(checks.size());
    checks.forEach((name, check) -> pool.submit(() -> report(name, check)));
    pool.shutdown();
    pool.awaitTermination(1, TimeUnit.HOURS);
    System.exit(0); // The client's own threads would keep the program alive.
  }

  static void report(String name, Check check) {
    try {
      check.run();
      System.out.println("ok " + name);
    } catch (Throwable reason) {
      java.io.StringWriter text = new java.io.StringWriter();
      reason.printStackTrace(new java.io.PrintWriter(text));
      System.out.println("not ok " + name + ": " + JsonValue.from(text.toString()).convert(JsonNode.class));
    }
  }

  static Map<String, Check> checks() {
    Map<String, Check> checks = new LinkedHashMap<>();
    checks.put("assistants", Scenario::assistants);
    checks.put("threads", Scenario::threads);
    checks.put("messages", Scenario::messages);
    checks.put("paging", Scenario::paging);
    checks.put("files", Scenario::files);
    checks.put("vector_stores", Scenario::vectorStores);
    checks.put("create_and_wait", Scenario::createAndWait);
    checks.put("outputs_and_wait", Scenario::outputsAndWait);
    checks.put("cancel_waiting", Scenario::cancelWaiting);
    checks.put("cancel_streaming", Scenario::cancelStreaming);
    checks.put("raw_events", Scenario::rawEvents);
    checks.put("async_events", Scenario::asyncEvents);
    checks.put("new_thread_stream", Scenario::newThreadStream);
    checks.put("function_stream", Scenario::functionStream);
    checks.put("code_stream", Scenario::codeStream);
    checks.put("failed_run", Scenario::failedRun);
    checks.put("errors", Scenario::errors);
    checks.put("raw_response", Scenario::rawResponse);
    checks.put("long_silent_stream", Scenario::longSilentStream);
    checks.put("long_busy_stream", Scenario::longBusyStream);
    checks.put("long_silent_outputs", Scenario::longSilentOutputs);
    return checks;
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) throw new AssertionError(actual + " instead of " + expected);
  }

  static <E extends OpenAIServiceException> E thrown(Class<E> kind, Check check) throws Exception {
    try {
      check.run();
    } catch (OpenAIServiceException error) {
      return kind.cast(error);
    }
    throw new AssertionError(kind + " was not thrown");
  }

  static FunctionTool weather() {
    FunctionParameters parameters =
        FunctionParameters.builder()
            .putAdditionalProperty("type", JsonValue.from("object"))
            .putAdditionalProperty("properties", JsonValue.from(Map.of("city", Map.of("type", "string"))))
            .putAdditionalProperty("required", JsonValue.from(List.of("city")))
            .build();
    FunctionDefinition function =
        FunctionDefinition.builder().name("get_weather").parameters(parameters).build();
    return FunctionTool.builder().function(function).build();
  }

  static AssistantCreateParams.Builder assistantOf(String model) {
    return AssistantCreateParams.builder().model(PREFIX + ":" + model).instructions("Be kind.");
  }

  static String newThread(String question) {
    ThreadCreateParams.Message message =
        ThreadCreateParams.Message.builder()
            .role(ThreadCreateParams.Message.Role.USER)
            .content(question)
            .build();
    return threads.create(ThreadCreateParams.builder().addMessage(message).build()).id();
  }

  /** What every run needs: a thread, and an assistant with a model of its own. */
  static RunCreateParams start(String model, AssistantTool... tools) {
    String assistant =
        client.beta().assistants().create(assistantOf(model).tools(List.of(tools)).build()).id();
    return RunCreateParams.builder().threadId(newThread("Hi")).assistantId(assistant).build();
  }

  static AssistantTool function() {
    return AssistantTool.ofFunction(weather());
  }

  /** The client has no helper that waits for a run. */
  static Run waitFor(Run run) throws InterruptedException {
    Set<RunStatus> active = Set.of(RunStatus.QUEUED, RunStatus.IN_PROGRESS, RunStatus.CANCELLING);
    while (active.contains(run.status())) {
      TimeUnit.MILLISECONDS.sleep(20);
      run = runs.retrieve(RunRetrieveParams.builder().threadId(run.threadId()).runId(run.id()).build());
    }
    return run;
  }

  static Run cancel(String thread, String run) {
    return runs.cancel(RunCancelParams.builder().threadId(thread).runId(run).build());
  }

  static RunSubmitToolOutputsParams outputsOf(Run run) throws Exception {
    RunSubmitToolOutputsParams.Builder params =
        RunSubmitToolOutputsParams.builder().threadId(run.threadId()).runId(run.id());
    for (var call : run.requiredAction().get().submitToolOutputs().toolCalls()) {
      String city = JSON.readTree(call.function().arguments()).get("city").asText();
      params.addToolOutput(
          RunSubmitToolOutputsParams.ToolOutput.builder()
              .toolCallId(call.id())
              .output(city + " is sunny")
              .build());
    }
    return params.build();
  }

  static String textOf(Message message) {
    StringBuilder text = new StringBuilder();
    for (MessageContent part : message.content()) {
      part.text().ifPresent(block -> text.append(block.text().value()));
    }
    return text.toString();
  }

  /** The answers in a thread, whose first message is the question. */
  static List<String> said(String thread) {
    MessageListParams query =
        MessageListParams.builder().threadId(thread).order(MessageListParams.Order.ASC).build();
    return threads.messages().list(query).data().stream().skip(1).map(Scenario::textOf).toList();
  }

  /** The event's name, which the client's types do not have. */
  static String nameOf(AssistantStreamEvent event) {
    return JsonValue.from(event).convert(JsonNode.class).get("event").asText();
  }

  static String textOf(AssistantStreamEvent event) {
    if (!event.isThreadMessageDelta()) return "";
    StringBuilder text = new StringBuilder();
    for (var part : event.asThreadMessageDelta().data().delta().content().orElse(List.of())) {
      part.text().ifPresent(block -> text.append(block.text().get().value().orElse("")));
    }
    return text.toString();
  }

  static class Seen {
    final List<String> names = new ArrayList<>();
    final StringBuilder text = new StringBuilder();
    AssistantStreamEvent last;

    void add(AssistantStreamEvent event) {
      last = event;
      names.add(nameOf(event));
      text.append(textOf(event));
    }

    List<String> lastNames(int count) {
      return names.subList(names.size() - count, names.size());
    }
  }

  static Seen read(StreamResponse<AssistantStreamEvent> response) {
    return read(response, event -> {});
  }

  static Seen read(StreamResponse<AssistantStreamEvent> response, Consumer<AssistantStreamEvent> each) {
    Seen seen = new Seen();
    try (response) {
      response.stream().peek(each).forEach(seen::add);
    }
    return seen;
  }

  static void assistants() throws Exception {
    BetaService beta = client.beta();
    Assistant made =
        beta.assistants()
            .create(
                assistantOf("nobody")
                    .name("Tester")
                    .addTool(weather())
                    .addTool(CodeInterpreterTool.builder().build())
                    .build());
    equal(beta.assistants().retrieve(made.id()), made);
    Assistant changed =
        beta.assistants()
            .update(
                AssistantUpdateParams.builder()
                    .assistantId(made.id())
                    .name("Other")
                    .temperature(0.5)
                    .build());
    equal(changed.name().get(), "Other");
    equal(changed.temperature().get(), 0.5);
    equal(changed.tools().stream().map(AssistantTool::isFunction).toList(), List.of(true, false));
    AssistantListPage listed = beta.assistants().list(AssistantListParams.builder().limit(100).build());
    equal(listed.data().stream().anyMatch(one -> one.id().equals(made.id())), true);
    equal(beta.assistants().delete(made.id()).deleted(), true);
    thrown(NotFoundException.class, () -> beta.assistants().retrieve(made.id()));
  }

  static void threads() throws Exception {
    ThreadCreateParams.Metadata metadata =
        ThreadCreateParams.Metadata.builder().putAdditionalProperty("a", JsonValue.from("b")).build();
    var made = threads.create(ThreadCreateParams.builder().metadata(metadata).build());
    ThreadUpdateParams.Metadata other =
        ThreadUpdateParams.Metadata.builder().putAdditionalProperty("c", JsonValue.from("d")).build();
    threads.update(ThreadUpdateParams.builder().threadId(made.id()).metadata(other).build());
    var found = threads.retrieve(made.id()).metadata().get()._additionalProperties();
    equal(found, Map.of("c", JsonValue.from("d")));
    equal(threads.delete(made.id()).deleted(), true);
    thrown(NotFoundException.class, () -> threads.retrieve(made.id()));
  }

  static void messages() throws Exception {
    String thread = newThread("Hi");
    var text = TextContentBlockParam.builder().text("größte 🧵").build();
    var url = ImageUrl.builder().url("https://example.com/a.png").build();
    var image = ImageUrlContentBlock.builder().imageUrl(url).build();
    Message message =
        threads
            .messages()
            .create(
                MessageCreateParams.builder()
                    .threadId(thread)
                    .role(MessageCreateParams.Role.USER)
                    .contentOfArrayOfContentParts(
                        List.of(
                            MessageContentPartParam.ofText(text),
                            MessageContentPartParam.ofImageUrl(image)))
                    .build());
    equal(message.content().stream().map(MessageContent::isImageUrl).toList(), List.of(false, true));
    var place = MessageRetrieveParams.builder().threadId(thread).messageId(message.id()).build();
    equal(textOf(threads.messages().retrieve(place)), "größte 🧵");
    var gone = MessageDeleteParams.builder().threadId(thread).messageId(message.id()).build();
    equal(threads.messages().delete(gone).deleted(), true);
  }

  static void paging() throws Exception {
    String thread = newThread("0");
    for (int number = 1; number <= 6; number++) {
      threads
          .messages()
          .create(
              MessageCreateParams.builder()
                  .threadId(thread)
                  .role(MessageCreateParams.Role.USER)
                  .content(String.valueOf(number))
                  .build());
    }
    MessageListParams.Builder query = MessageListParams.builder().threadId(thread);
    equal(all(query.limit(2).build()), "6543210");
    equal(all(query.limit(3).order(MessageListParams.Order.ASC).build()), "0123456");
    List<Integer> sizes = new ArrayList<>();
    MessageListPage page = threads.messages().list(query.build());
    for (sizes.add(page.data().size()); page.hasNextPage(); sizes.add(page.data().size())) {
      page = page.nextPage();
    }
    equal(sizes.stream().filter(size -> size > 0).toList(), List.of(3, 3, 1));
  }

  static String all(MessageListParams query) {
    StringBuilder texts = new StringBuilder();
    for (Message message : threads.messages().list(query).autoPager()) texts.append(textOf(message));
    return texts.toString();
  }

  static FileObject upload(String name, String content) {
    InputStream bytes = new ByteArrayInputStream(content.getBytes());
    MultipartField<InputStream> file =
        MultipartField.<InputStream>builder().value(bytes).filename(name).build();
    FileCreateParams params =
        FileCreateParams.builder().file(file).purpose(FilePurpose.USER_DATA).build();
    return client.files().create(params);
  }

  static byte[] contentOf(String file) throws Exception {
    try (var response = client.files().content(file)) {
      return response.body().readAllBytes();
    }
  }

  static void files() throws Exception {
    FileObject made = upload("größe.csv", "a,b\n");
    equal(List.of(made.filename(), made.bytes()), List.of("größe.csv", 4L));
    equal(client.files().retrieve(made.id()), made);
    equal(new String(contentOf(made.id())), "a,b\n");
    equal(client.files().delete(made.id()).deleted(), true);
  }

  static void vectorStores() throws Exception {
    var store = client.vectorStores().create(VectorStoreCreateParams.builder().name("Lake").build());
    var files = client.vectorStores().files();
    var added =
        files.create(
            com.openai.models.vectorstores.files.FileCreateParams.builder()
                .vectorStoreId(store.id())
                .fileId(upload("fish.txt", "Blue fish eat moss.").id())
                .build());
    var place =
        com.openai.models.vectorstores.files.FileRetrieveParams.builder()
            .vectorStoreId(store.id())
            .fileId(added.id())
            .build();
    while (added.status().toString().equals("in_progress")) {
      TimeUnit.MILLISECONDS.sleep(20);
      added = files.retrieve(place);
    }
    equal(added.status().toString(), "completed");
    var query = VectorStoreSearchParams.builder().vectorStoreId(store.id()).query("moss").build();
    equal(client.vectorStores().search(query).data().get(0).filename(), "fish.txt");
    equal(client.vectorStores().delete(store.id()).deleted(), true);
  }

  static void createAndWait() throws Exception {
    Run run = waitFor(runs.create(start("text")));
    equal(run.status(), RunStatus.COMPLETED);
    equal(said(run.threadId()), List.of(SAID));
    var query = StepListParams.builder().threadId(run.threadId()).runId(run.id()).build();
    RunStep step = runs.steps().list(query).data().get(0);
    var place =
        StepRetrieveParams.builder()
            .threadId(run.threadId())
            .runId(run.id())
            .stepId(step.id())
            .build();
    equal(runs.steps().retrieve(place), step);
    equal(step.usage().get().totalTokens(), run.usage().get().totalTokens());
    equal(runs.list(run.threadId()).data().get(0).id(), run.id());
  }

  static void outputsAndWait() throws Exception {
    Run paused = waitFor(runs.create(start("calls", function())));
    equal(paused.status(), RunStatus.REQUIRES_ACTION);
    Run done = waitFor(runs.submitToolOutputs(outputsOf(paused)));
    equal(done.status(), RunStatus.COMPLETED);
    equal(said(done.threadId()), List.of("Sunny in both."));
  }

  static void cancelWaiting() throws Exception {
    Run paused = waitFor(runs.create(start("calls", function())));
    Run ended = waitFor(cancel(paused.threadId(), paused.id()));
    equal(ended.status(), RunStatus.CANCELLED);
    var error =
        thrown(BadRequestException.class, () -> cancel(paused.threadId(), paused.id()));
    equal(error.getMessage().contains("Cannot cancel run with status 'cancelled'."), true);
  }

  static void cancelStreaming() throws Exception {
    Run[] run = {null};
    Seen seen =
        read(
            runs.createStreaming(start("stuck")),
            event -> {
              if (event.isThreadRunCreated()) run[0] = event.asThreadRunCreated().data();
              if (event.isThreadMessageDelta()) cancel(run[0].threadId(), run[0].id());
            });
    equal(
        seen.lastNames(4),
        List.of(
            "thread.run.cancelling",
            "thread.message.incomplete",
            "thread.run.step.cancelled",
            "thread.run.cancelled"));
  }

  static void rawEvents() throws Exception {
    Seen seen = read(runs.createStreaming(start("text")));
    equal(
        seen.names.subList(0, 8),
        List.of(
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.message.created",
            "thread.message.in_progress",
            "thread.message.delta"));
    equal(seen.lastNames(3), ENDS);
    equal(seen.text.toString(), SAID);
  }

  static void asyncEvents() throws Exception {
    Seen seen = new Seen();
    client.async().beta().threads().runs().createStreaming(start("silent")).subscribe(seen::add)
        .onCompleteFuture()
        .get();
    equal(seen.lastNames(3), ENDS);
    equal(seen.text.toString(), "one two three four");
  }

  static void newThreadStream() throws Exception {
    var message =
        ThreadCreateAndRunParams.Thread.Message.builder()
            .role(ThreadCreateAndRunParams.Thread.Message.Role.USER)
            .content("Hi")
            .build();
    String assistant = client.beta().assistants().create(assistantOf("text").build()).id();
    Seen seen =
        read(
            threads.createAndRunStreaming(
                ThreadCreateAndRunParams.builder()
                    .assistantId(assistant)
                    .thread(ThreadCreateAndRunParams.Thread.builder().addMessage(message).build())
                    .build()));
    equal(seen.names.get(0), "thread.created");
    equal(seen.text.toString(), SAID);
  }

  static List<ToolCallDelta> callsOf(AssistantStreamEvent event) {
    if (!event.isThreadRunStepDelta()) return List.of();
    var details = event.asThreadRunStepDelta().data().delta().stepDetails().get();
    return details.toolCalls().flatMap(ToolCallDeltaObject::toolCalls).orElse(List.of());
  }

  static void functionStream() throws Exception {
    Map<Long, String> arguments = new TreeMap<>();
    Seen paused =
        read(
            runs.createStreaming(start("calls", function())),
            event -> {
              for (ToolCallDelta delta : callsOf(event)) {
                var call = delta.asFunction();
                String part = call.function().flatMap(one -> one.arguments()).orElse("");
                arguments.merge(call.index(), part, String::concat);
              }
            });
    equal(arguments, Map.of(0L, "{\"city\":\"Rome\"}", 1L, "{\"city\":\"Oslo\"}"));
    Run run = paused.last.asThreadRunRequiresAction().data();
    Seen rest = read(runs.submitToolOutputsStreaming(outputsOf(run)));
    equal(rest.text.toString(), "Sunny in both.");
    equal(rest.lastNames(1), List.of("thread.run.completed"));
  }

  /** Code that takes its time, what it prints, and an image. */
  static void codeStream() throws Exception {
    StringBuilder input = new StringBuilder();
    List<String> images = new ArrayList<>();
    RunCreateParams params =
        start("code", AssistantTool.ofCodeInterpreter(CodeInterpreterTool.builder().build()));
    Seen seen =
        read(
            runs.createStreaming(params),
            event -> {
              for (ToolCallDelta delta : callsOf(event)) {
                var code = delta.asCodeInterpreter().codeInterpreter().get();
                input.append(code.input().orElse(""));
                for (var output : code.outputs().orElse(List.of())) {
                  output.image().ifPresent(one -> images.add(one.image().get().fileId().get()));
                }
              }
            });
    equal(input.toString().startsWith("import time\n"), true);
    equal(new String(contentOf(images.get(0)), 1, 3), "PNG");
    equal(seen.text.toString(), "That is it.");
  }

  static void failedRun() throws Exception {
    Seen seen = read(runs.createStreaming(start("refuses")));
    var error = seen.last.asThreadRunFailed().data().lastError().get();
    equal(error.code().toString(), "invalid_prompt");
  }

  static void errors() throws Exception {
    var missing =
        thrown(NotFoundException.class, () -> client.beta().assistants().retrieve("asst_nobody"));
    equal(missing.statusCode(), 404);
    equal(missing.type().get(), "invalid_request_error");
    equal(missing.getMessage().contains("No assistant found with id 'asst_nobody'."), true);
    String thread = newThread("Hi");
    var robot =
        MessageCreateParams.builder()
            .threadId(thread)
            .role(MessageCreateParams.Role.of("robot"))
            .content("Hi")
            .build();
    var wrong = thrown(BadRequestException.class, () -> threads.messages().create(robot));
    equal(List.of(wrong.code().get(), wrong.param().get()), List.of("invalid_value", "role"));
    var nobody = RunCreateParams.builder().threadId(thread).assistantId("asst_nobody").build();
    thrown(NotFoundException.class, () -> runs.createStreaming(nobody));
    OpenAIClient stranger = client.withOptions(options -> options.apiKey("sk-wrong"));
    var refused =
        thrown(UnauthorizedException.class, () -> stranger.beta().threads().create());
    equal(refused.code().get(), "invalid_api_key");
  }

  static void rawResponse() throws Exception {
    var response = threads.withRawResponse().create();
    equal(response.headers().values("openai-version"), List.of("2020-10-01"));
    equal(response.requestId().get().startsWith("req_"), true);
  }

  static void lasted(long began) {
    equal(System.nanoTime() - began >= LONG_MS * 1_000_000, true);
  }

  /** The model says two words, nothing for long, and the rest. */
  static void longSilentStream() throws Exception {
    long began = System.nanoTime();
    Seen seen = read(runs.createStreaming(start("silent")));
    lasted(began);
    equal(seen.lastNames(3), ENDS);
    equal(seen.text.toString(), "one two three four");
  }

  /** The model says a word every now and then, for as long. */
  static void longBusyStream() throws Exception {
    long began = System.nanoTime();
    RunCreateParams params = start("busy");
    Seen seen = read(runs.createStreaming(params));
    lasted(began);
    equal(said(params.threadId().get()), List.of(seen.text.toString()));
    equal(seen.lastNames(3), ENDS);
  }

  /** The model is silent from the outputs on. */
  static void longSilentOutputs() throws Exception {
    Run paused = waitFor(runs.create(start("silent-outputs", function())));
    long began = System.nanoTime();
    Seen seen = read(runs.submitToolOutputsStreaming(outputsOf(paused)));
    lasted(began);
    equal(seen.text.toString(), "one two three four");
    equal(seen.lastNames(3), ENDS);
  }
}
