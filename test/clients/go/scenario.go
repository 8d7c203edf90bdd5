// Runs every check of checks.go and prints a line for each: `ok NAME`, or `not ok NAME: ` and the reason as JSON.
// The imports of openai-go name version 3; for the others the test rewrites them.
package main

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
)

func main() {
	var group sync.WaitGroup
	var printing sync.Mutex
	for name, check := range checks {
		group.Add(1)
		go func() {
			defer group.Done()
			line := report(name, check)
			printing.Lock()
			defer printing.Unlock()
			fmt.Println(line)
		}()
	}
	group.Wait()
}

// A check fails by a panic.
func report(name string, check func()) (line string) {
	defer func() {
		if reason := recover(); reason != nil {
			text, _ := json.Marshal(fmt.Sprintf("%v\n%s", reason, debug.Stack()))
			line = fmt.Sprintf("not ok %s: %s", name, text)
		}
	}()
	check()
	return "ok " + name
}
