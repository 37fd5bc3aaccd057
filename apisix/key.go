// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

const redacted = "[redacted]"

// KeySource gives the admin key of the Admin API. It must be safe for concurrent use.
// Its errors must not hold the key.
type KeySource func(ctx context.Context) (string, error)

// StaticKey gives the same key always.
func StaticKey(key string) KeySource {
	return func(context.Context) (string, error) { return key, nil }
}

// KeyFile gives what the file holds, without white space around it. The file is read for each request: it is
// small, and a mounted Secret changes by a swapped link that a time stamp does not always show.
func KeyFile(path string) KeySource {
	return func(context.Context) (string, error) {
		data, err := os.ReadFile(path)
		return strings.TrimSpace(string(data)), err
	}
}

// KeyError says that there is no admin key that could be sent. No request was made.
type KeyError struct{ Err error }

func (e *KeyError) Error() string { return "admin key: " + e.Err.Error() }

func (e *KeyError) Unwrap() error { return e.Err }

// key returns a key that can be sent as a header, or a *KeyError.
func (s KeySource) key(ctx context.Context) (string, error) {
	key, err := s(ctx)
	switch {
	case err != nil:
		return "", &KeyError{Err: err}
	case key == "":
		return "", &KeyError{Err: errors.New("it is empty")}
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", &KeyError{Err: errors.New("it has control characters in it")}
	}
	return key, nil
}

// Format implements [fmt.Formatter].
func (s KeySource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (s KeySource) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements [json.Marshaler].
func (s KeySource) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
