// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// StartError says that a server did not start, with the last lines of what it logged.
type StartError struct {
	Server string
	Err    error
	Log    string
}

func (e *StartError) Error() string {
	return fmt.Sprintf("%s did not start: %v; its log ends:\n%s", e.Server, e.Err, e.Log)
}

func (e *StartError) Unwrap() error { return e.Err }

// tailSize is about twenty lines of these servers' logs.
const tailSize = 4096

// tail keeps the end of what is written to it and passes everything on to next, which may be nil.
type tail struct {
	mu   sync.Mutex
	end  []byte
	next io.Writer
}

// Write never fails: a log that cannot be kept must not stop the server that writes it.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if extra := len(t.end) - tailSize; extra > 0 {
		t.end = append([]byte(nil), t.end[extra:]...)
	}
	if t.next != nil {
		_, _ = t.next.Write(p)
	}
	return len(p), nil
}

// locked lets several servers write to one log.
type locked struct {
	mu   sync.Mutex
	next io.Writer
}

// lock returns a writer that may be shared; nil stays nil.
func lock(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &locked{next: w}
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next.Write(p)
}

// String returns the whole lines at the end.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	end := t.end
	if len(end) == tailSize {
		_, end, _ = bytes.Cut(end, []byte("\n"))
	}
	return string(end)
}
