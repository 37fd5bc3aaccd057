// SPDX-License-Identifier: Apache-2.0

// Command words finds words of words.txt, for which there is a better known one, in what people read: comments, messages and
// flags of the product's Go code, Markdown, and the comments and texts of YAML files.
//
//	go run ./test/words             # the whole checkout
//	go run ./test/words certs docs  # what is below these
//
// Each finding is one line, FILE:LINE: WORD: INSTEAD, and it fails where there is one. Code in Markdown, tests, generated files
// and names in Go are not read. It knows words, not prose: a text without a finding may still be bad.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func main() {
	findings, files, err := run(os.Args[1:])
	for _, f := range findings {
		fmt.Println(f)
	}
	if err == nil {
		fmt.Printf("measure: dialect words=%d files=%d\n", len(findings), files)
		if len(findings) > 0 {
			err = fmt.Errorf("%d words to replace", len(findings))
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

// run reads the files that git knows below the paths; none: below the working directory.
func run(paths []string) (findings []string, files int, err error) {
	out, err := exec.Command("git", append([]string{"ls-files", "--"}, paths...)...).Output()
	if err != nil {
		return nil, 0, fmt.Errorf("git ls-files: %w", err)
	}
	for _, path := range strings.Fields(string(out)) {
		texts := reader(path)
		if texts == nil {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, err
		}
		found, err := texts(path, data)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", path, err)
		}
		files++
		for _, t := range found {
			for _, m := range match(t.text) {
				findings = append(findings, fmt.Sprintf("%s:%d: %s: %s", path, t.line, m.word, m.instead))
			}
		}
	}
	return findings, files, nil
}
