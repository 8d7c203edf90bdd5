package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/shared"
)

var (
	ctx       = context.Background()
	client    = openai.NewClient(option.WithMaxRetries(0))
	beta      = client.Beta
	prefix    = os.Getenv("SCENARIO_CLIENT")
	longMs, _ = strconv.Atoi(os.Getenv("SCENARIO_LONG_MS"))
	long      = time.Duration(longMs) * time.Millisecond
	ends      = []string{"thread.message.completed", "thread.run.step.completed", "thread.run.completed"}
	weather   = openai.AssistantToolUnionParam{OfFunction: &openai.FunctionToolParam{
		Function: shared.FunctionDefinitionParam{
			Name: "get_weather",
			Parameters: shared.FunctionParameters{
				"type":       "object",
				"properties": map[string]any{"city": map[string]any{"type": "string"}},
				"required":   []string{"city"},
			},
		},
	}}
	code = openai.AssistantToolUnionParam{OfCodeInterpreter: &openai.CodeInterpreterToolParam{}}
)

type (
	assistantParams = openai.BetaAssistantNewParams
	runParams       = openai.BetaThreadRunNewParams
	events          = ssestream.Stream[openai.AssistantStreamEventUnion]
)

var checks = map[string]func(){
	"assistants":          checkAssistants,
	"threads":             checkThreads,
	"messages":            checkMessages,
	"paging":              checkPaging,
	"files":               checkFiles,
	"vector_stores":       checkVectorStores,
	"create_and_wait":     checkCreateAndWait,
	"outputs_and_wait":    checkOutputsAndWait,
	"cancel_waiting":      checkCancelWaiting,
	"cancel_streaming":    checkCancelStreaming,
	"raw_events":          checkRawEvents,
	"typed_events":        checkTypedEvents,
	"new_thread_stream":   checkNewThreadStream,
	"function_stream":     checkFunctionStream,
	"code_stream":         checkCodeStream,
	"failed_run":          checkFailedRun,
	"errors":              checkErrors,
	"raw_response":        checkRawResponse,
	"long_silent_stream":  checkLongSilentStream,
	"long_busy_stream":    checkLongBusyStream,
	"long_silent_outputs": checkLongSilentOutputs,
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%#v instead of %#v", actual, expected))
	}
}

func failure(err error) *openai.Error {
	var failed *openai.Error
	if !errors.As(err, &failed) {
		panic(fmt.Sprintf("%v is not an error of the API", err))
	}
	return failed
}

func newAssistant(model string, tools ...openai.AssistantToolUnionParam) *openai.Assistant {
	return must(beta.Assistants.New(ctx, assistantParams{
		Model:        prefix + ":" + model,
		Instructions: openai.String("Be kind."),
		Tools:        tools,
	}))
}

func userMessage(text string) openai.BetaThreadNewParamsMessage {
	return openai.BetaThreadNewParamsMessage{
		Role:    "user",
		Content: openai.BetaThreadNewParamsMessageContentUnion{OfString: openai.String(text)},
	}
}

func newThread(text string) string {
	messages := []openai.BetaThreadNewParamsMessage{userMessage(text)}
	return must(beta.Threads.New(ctx, openai.BetaThreadNewParams{Messages: messages})).ID
}

// What every run needs: a thread, and an assistant with a model of its own.
func start(model string, tools ...openai.AssistantToolUnionParam) (string, runParams) {
	return newThread("Hi"), runParams{AssistantID: newAssistant(model, tools...).ID}
}

// The client has no helper that waits for a run.
func wait(run *openai.Run) *openai.Run {
	for run.Status == "queued" || run.Status == "in_progress" || run.Status == "cancelling" {
		time.Sleep(20 * time.Millisecond)
		run = must(beta.Threads.Runs.Get(ctx, run.ThreadID, run.ID))
	}
	return run
}

func runToPause(model string, tools ...openai.AssistantToolUnionParam) *openai.Run {
	thread, params := start(model, tools...)
	return wait(must(beta.Threads.Runs.New(ctx, thread, params)))
}

func outputsOf(run *openai.Run) openai.BetaThreadRunSubmitToolOutputsParams {
	var outputs []openai.BetaThreadRunSubmitToolOutputsParamsToolOutput
	for _, call := range run.RequiredAction.SubmitToolOutputs.ToolCalls {
		var arguments struct{ City string }
		if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil {
			panic(err)
		}
		outputs = append(outputs, openai.BetaThreadRunSubmitToolOutputsParamsToolOutput{
			ToolCallID: openai.String(call.ID),
			Output:     openai.String(arguments.City + " is sunny"),
		})
	}
	return openai.BetaThreadRunSubmitToolOutputsParams{ToolOutputs: outputs}
}

func textOf(message openai.Message) string {
	text := ""
	for _, part := range message.Content {
		text += part.Text.Value
	}
	return text
}

// The answers in a thread, whose first message is the question.
func said(thread string) []string {
	query := openai.BetaThreadMessageListParams{Order: "asc"}
	var texts []string
	for _, message := range must(beta.Threads.Messages.List(ctx, thread, query)).Data[1:] {
		texts = append(texts, textOf(message))
	}
	return texts
}

type seen struct {
	names []string
	text  string
	last  openai.AssistantStreamEventUnion
}

// Reads a stream to its end. The text is what the deltas add up to.
func read(stream *events) seen {
	defer stream.Close()
	var all seen
	for stream.Next() {
		all.last = stream.Current()
		all.names = append(all.names, all.last.Event)
		if all.last.Event == "thread.message.delta" {
			for _, part := range all.last.AsThreadMessageDelta().Data.Delta.Content {
				all.text += part.Text.Value
			}
		}
	}
	if stream.Err() != nil {
		panic(stream.Err())
	}
	return all
}

func checkAssistants() {
	made := newAssistant("nobody", weather, code)
	equal(must(beta.Assistants.Get(ctx, made.ID)).RawJSON(), made.RawJSON())
	changed := must(beta.Assistants.Update(ctx, made.ID, openai.BetaAssistantUpdateParams{
		Name:        openai.String("Other"),
		Temperature: openai.Float(0.5),
		Metadata:    shared.Metadata{"a": "b"},
	}))
	equal([]any{changed.Name, changed.Temperature, changed.Metadata["a"]}, []any{"Other", 0.5, "b"})
	equal([]string{changed.Tools[0].Type, changed.Tools[1].Type}, []string{"function", "code_interpreter"})
	listed := must(beta.Assistants.List(ctx, openai.BetaAssistantListParams{Limit: openai.Int(100)}))
	equal(slices.ContainsFunc(listed.Data, func(one openai.Assistant) bool { return one.ID == made.ID }), true)
	equal(must(beta.Assistants.Delete(ctx, made.ID)).Deleted, true)
	_, err := beta.Assistants.Get(ctx, made.ID)
	equal(failure(err).StatusCode, 404)
}

func checkThreads() {
	made := must(beta.Threads.New(ctx, openai.BetaThreadNewParams{Metadata: shared.Metadata{"a": "b"}}))
	params := openai.BetaThreadUpdateParams{Metadata: shared.Metadata{"c": "d"}}
	equal(must(beta.Threads.Update(ctx, made.ID, params)).Metadata, shared.Metadata{"c": "d"})
	equal(must(beta.Threads.Get(ctx, made.ID)).Metadata, shared.Metadata{"c": "d"})
	equal(must(beta.Threads.Delete(ctx, made.ID)).Deleted, true)
}

func checkMessages() {
	thread := newThread("Hi")
	image := openai.ImageURLParam{URL: "https://example.com/a.png"}
	message := must(beta.Threads.Messages.New(ctx, thread, openai.BetaThreadMessageNewParams{
		Role: "user",
		Content: openai.BetaThreadMessageNewParamsContentUnion{OfArrayOfContentParts: []openai.MessageContentPartParamUnion{
			openai.MessageContentPartParamOfText("größte 🧵"),
			openai.MessageContentPartParamOfImageURL(image),
		}},
	}))
	equal([]string{message.Content[0].Type, message.Content[1].Type}, []string{"text", "image_url"})
	params := openai.BetaThreadMessageUpdateParams{Metadata: shared.Metadata{"a": "b"}}
	equal(must(beta.Threads.Messages.Update(ctx, thread, message.ID, params)).Metadata["a"], "b")
	equal(textOf(*must(beta.Threads.Messages.Get(ctx, thread, message.ID))), "größte 🧵")
	equal(must(beta.Threads.Messages.Delete(ctx, thread, message.ID)).Deleted, true)
}

func checkPaging() {
	thread := newThread("0")
	for number := 1; number <= 6; number++ {
		content := openai.BetaThreadMessageNewParamsContentUnion{OfString: openai.String(strconv.Itoa(number))}
		must(beta.Threads.Messages.New(ctx, thread, openai.BetaThreadMessageNewParams{Role: "user", Content: content}))
	}
	all := func(query openai.BetaThreadMessageListParams) string {
		texts := ""
		pager := beta.Threads.Messages.ListAutoPaging(ctx, thread, query)
		for pager.Next() {
			texts += textOf(pager.Current())
		}
		if pager.Err() != nil {
			panic(pager.Err())
		}
		return texts
	}
	equal(all(openai.BetaThreadMessageListParams{Limit: openai.Int(3), Order: "asc"}), "0123456")
	equal(all(openai.BetaThreadMessageListParams{Limit: openai.Int(2)}), "6543210")
	var sizes []int
	page := must(beta.Threads.Messages.List(ctx, thread, openai.BetaThreadMessageListParams{Limit: openai.Int(3)}))
	for page != nil && len(page.Data) > 0 {
		sizes = append(sizes, len(page.Data))
		page = must(page.GetNextPage())
	}
	equal(sizes, []int{3, 3, 1})
}

func file(name, content string) openai.FileNewParams {
	reader := openai.File(strings.NewReader(content), name, "text/plain")
	return openai.FileNewParams{File: reader, Purpose: openai.FilePurposeUserData}
}

func checkFiles() {
	made := must(client.Files.New(ctx, file("größe.csv", "a,b\n")))
	equal([]any{made.Filename, made.Bytes}, []any{"größe.csv", int64(4)})
	equal(must(client.Files.Get(ctx, made.ID)).RawJSON(), made.RawJSON())
	content := must(client.Files.Content(ctx, made.ID))
	equal(string(must(io.ReadAll(content.Body))), "a,b\n")
	equal(must(client.Files.Delete(ctx, made.ID)).Deleted, true)
}

func checkVectorStores() {
	store := must(client.VectorStores.New(ctx, openai.VectorStoreNewParams{Name: openai.String("Lake")}))
	fish := must(client.VectorStores.Files.Upload(ctx, store.ID, file("fish.txt", "Blue fish eat moss.")))
	for fish.Status == "in_progress" {
		time.Sleep(20 * time.Millisecond)
		fish = must(client.VectorStores.Files.Get(ctx, store.ID, fish.ID))
	}
	equal(string(fish.Status), "completed")
	// The helpers that wait, as versions 1 and 2 have them, ask for a file by the store's id and the reverse.
	if prefix == "go-3" {
		more := []openai.FileNewParams{file("one.md", "The tower of Quill."), file("two.md", "The bridge of Quill.")}
		batch := must(client.VectorStores.FileBatches.UploadAndPoll(ctx, store.ID, more, nil, 20))
		equal([]any{string(batch.Status), batch.FileCounts.Completed}, []any{"completed", int64(2)})
		last := must(client.VectorStores.Files.UploadAndPoll(ctx, store.ID, file("three.md", "The inn of Quill."), 20))
		equal(string(last.Status), "completed")
	}
	query := openai.VectorStoreSearchParamsQueryUnion{OfString: openai.String("moss")}
	found := must(client.VectorStores.Search(ctx, store.ID, openai.VectorStoreSearchParams{Query: query}))
	equal([]any{len(found.Data), found.Data[0].Filename}, []any{1, "fish.txt"})
	equal(must(client.VectorStores.Delete(ctx, store.ID)).Deleted, true)
}

func checkCreateAndWait() {
	run := runToPause("text")
	equal(string(run.Status), "completed")
	equal(said(run.ThreadID), []string{"Hello there, größte 🧵."})
	steps := must(beta.Threads.Runs.Steps.List(ctx, run.ThreadID, run.ID, openai.BetaThreadRunStepListParams{}))
	equal([]any{len(steps.Data), string(steps.Data[0].Type)}, []any{1, "message_creation"})
	step := must(beta.Threads.Runs.Steps.Get(ctx, run.ThreadID, run.ID, steps.Data[0].ID, openai.BetaThreadRunStepGetParams{}))
	equal(step.Usage.TotalTokens, run.Usage.TotalTokens)
	equal(must(beta.Threads.Runs.List(ctx, run.ThreadID, openai.BetaThreadRunListParams{})).Data[0].ID, run.ID)
	params := openai.BetaThreadRunUpdateParams{Metadata: shared.Metadata{"a": "b"}}
	equal(must(beta.Threads.Runs.Update(ctx, run.ThreadID, run.ID, params)).Metadata["a"], "b")
}

func checkOutputsAndWait() {
	paused := runToPause("calls", weather)
	equal(string(paused.Status), "requires_action")
	done := wait(must(beta.Threads.Runs.SubmitToolOutputs(ctx, paused.ThreadID, paused.ID, outputsOf(paused))))
	equal(string(done.Status), "completed")
	equal(said(done.ThreadID), []string{"Sunny in both."})
}

func checkCancelWaiting() {
	paused := runToPause("calls", weather)
	ended := wait(must(beta.Threads.Runs.Cancel(ctx, paused.ThreadID, paused.ID)))
	equal(string(ended.Status), "cancelled")
	_, err := beta.Threads.Runs.Cancel(ctx, paused.ThreadID, paused.ID)
	equal(failure(err).Message, "Cannot cancel run with status 'cancelled'.")
}

func checkCancelStreaming() {
	thread, params := start("stuck")
	stream := beta.Threads.Runs.NewStreaming(ctx, thread, params)
	var run string
	for stream.Next() {
		if event := stream.Current(); event.Event == "thread.run.created" {
			run = event.AsThreadRunCreated().Data.ID
		} else if event.Event == "thread.message.delta" {
			break
		}
	}
	must(beta.Threads.Runs.Cancel(ctx, thread, run))
	equal(read(stream).names, []string{
		"thread.run.cancelling", "thread.message.incomplete", "thread.run.step.cancelled", "thread.run.cancelled",
	})
}

func checkRawEvents() {
	thread, params := start("text")
	names := read(beta.Threads.Runs.NewStreaming(ctx, thread, params)).names
	equal(names[:8], []string{
		"thread.run.created", "thread.run.queued", "thread.run.in_progress",
		"thread.run.step.created", "thread.run.step.in_progress",
		"thread.message.created", "thread.message.in_progress", "thread.message.delta",
	})
	equal(names[len(names)-3:], ends)
}

func checkTypedEvents() {
	thread, params := start("text")
	stream := beta.Threads.Runs.NewStreaming(ctx, thread, params)
	kinds := map[string]bool{}
	for stream.Next() {
		switch event := stream.Current().AsAny().(type) {
		case openai.AssistantStreamEventThreadRunCreated:
			kinds["run "+string(event.Data.Status)] = true
		case openai.AssistantStreamEventThreadRunStepCreated:
			kinds["step "+string(event.Data.Status)] = true
		case openai.AssistantStreamEventThreadMessageCompleted:
			kinds["message "+textOf(event.Data)] = true
		case openai.AssistantStreamEventThreadRunCompleted:
			kinds["run "+string(event.Data.Status)] = true
		}
	}
	equal(stream.Err(), nil)
	equal(kinds, map[string]bool{
		"run queued": true, "step in_progress": true, "message Hello there, größte 🧵.": true, "run completed": true,
	})
}

func checkNewThreadStream() {
	all := read(beta.Threads.NewAndRunStreaming(ctx, openai.BetaThreadNewAndRunParams{
		AssistantID: newAssistant("text").ID,
		Thread: openai.BetaThreadNewAndRunParamsThread{Messages: []openai.BetaThreadNewAndRunParamsThreadMessage{{
			Role:    "user",
			Content: openai.BetaThreadNewAndRunParamsThreadMessageContentUnion{OfString: openai.String("Hi")},
		}}},
	}))
	equal([]string{all.names[0], all.text}, []string{"thread.created", "Hello there, größte 🧵."})
}

func checkFunctionStream() {
	thread, params := start("calls", weather)
	stream := beta.Threads.Runs.NewStreaming(ctx, thread, params)
	arguments := map[int64]string{}
	var paused openai.Run
	for stream.Next() {
		switch event := stream.Current().AsAny().(type) {
		case openai.AssistantStreamEventThreadRunStepDelta:
			for _, call := range event.Data.Delta.StepDetails.ToolCalls {
				arguments[call.Index] += call.Function.Arguments
			}
		case openai.AssistantStreamEventThreadRunRequiresAction:
			paused = event.Data
		}
	}
	equal(stream.Err(), nil)
	equal(arguments, map[int64]string{0: `{"city":"Rome"}`, 1: `{"city":"Oslo"}`})
	rest := read(beta.Threads.Runs.SubmitToolOutputsStreaming(ctx, thread, paused.ID, outputsOf(&paused)))
	equal([]string{rest.text, rest.last.Event}, []string{"Sunny in both.", "thread.run.completed"})
	query := openai.BetaThreadRunStepListParams{Order: "asc"}
	steps := must(beta.Threads.Runs.Steps.List(ctx, thread, paused.ID, query))
	equal(steps.Data[0].StepDetails.ToolCalls[1].Function.Output, "Oslo is sunny")
}

// Code that takes its time, what it prints, and an image.
func checkCodeStream() {
	thread, params := start("code", code)
	stream := beta.Threads.Runs.NewStreaming(ctx, thread, params)
	input, image := "", ""
	for stream.Next() {
		switch event := stream.Current().AsAny().(type) {
		case openai.AssistantStreamEventThreadRunStepDelta:
			for _, call := range event.Data.Delta.StepDetails.ToolCalls {
				input += call.CodeInterpreter.Input
				for _, output := range call.CodeInterpreter.Outputs {
					image += output.Image.FileID
				}
			}
		}
	}
	equal(stream.Err(), nil)
	equal(strings.HasPrefix(input, "import time\n"), true)
	content := must(client.Files.Content(ctx, image))
	equal(bytes.HasPrefix(must(io.ReadAll(content.Body)), []byte("\x89PNG")), true)
	equal(said(thread), []string{"That is it."})
}

func checkFailedRun() {
	thread, params := start("refuses")
	all := read(beta.Threads.Runs.NewStreaming(ctx, thread, params))
	run := all.last.AsThreadRunFailed().Data
	equal([]string{all.last.Event, string(run.LastError.Code)}, []string{"thread.run.failed", "invalid_prompt"})
}

func checkErrors() {
	_, err := beta.Assistants.Get(ctx, "asst_nobody")
	missing := failure(err)
	equal([]any{missing.StatusCode, missing.Type, missing.Message},
		[]any{404, "invalid_request_error", "No assistant found with id 'asst_nobody'."})
	thread := newThread("Hi")
	_, err = beta.Threads.Messages.New(ctx, thread, openai.BetaThreadMessageNewParams{
		Role:    "robot",
		Content: openai.BetaThreadMessageNewParamsContentUnion{OfString: openai.String("Hi")},
	})
	wrong := failure(err)
	equal([]any{wrong.StatusCode, wrong.Code, wrong.Param}, []any{400, "invalid_value", "role"})
	stream := beta.Threads.Runs.NewStreaming(ctx, thread, runParams{AssistantID: "asst_nobody"})
	equal(stream.Next(), false)
	equal(failure(stream.Err()).StatusCode, 404)
	_, err = beta.Threads.New(ctx, openai.BetaThreadNewParams{}, option.WithAPIKey("sk-wrong"))
	refused := failure(err)
	equal([]any{refused.StatusCode, refused.Code}, []any{401, "invalid_api_key"})
}

func checkRawResponse() {
	var response *http.Response
	must(beta.Threads.New(ctx, openai.BetaThreadNewParams{}, option.WithResponseInto(&response)))
	equal(response.Header.Get("openai-version"), "2020-10-01")
}

// The model says two words, nothing for long, and the rest.
func checkLongSilentStream() {
	began := time.Now()
	thread, params := start("silent")
	all := read(beta.Threads.Runs.NewStreaming(ctx, thread, params))
	equal(time.Since(began) >= long, true)
	equal(all.names[len(all.names)-3:], ends)
	equal(all.text, "one two three four")
}

// The model says a word every now and then, for as long.
func checkLongBusyStream() {
	began := time.Now()
	thread, params := start("busy")
	all := read(beta.Threads.Runs.NewStreaming(ctx, thread, params))
	equal(time.Since(began) >= long, true)
	equal(said(thread), []string{all.text})
	equal(all.last.Event, "thread.run.completed")
}

// The model is silent from the outputs on.
func checkLongSilentOutputs() {
	paused := runToPause("silent-outputs", weather)
	began := time.Now()
	all := read(beta.Threads.Runs.SubmitToolOutputsStreaming(ctx, paused.ThreadID, paused.ID, outputsOf(paused)))
	equal(time.Since(began) >= long, true)
	equal([]string{all.text, all.last.Event}, []string{"one two three four", "thread.run.completed"})
}
