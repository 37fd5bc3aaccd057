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

// KeySource returns the admin key. It must be safe for concurrent use. Its errors must not contain the key.
type KeySource func(ctx context.Context) (string, error)

// StaticKey returns a source that always returns key.
func StaticKey(key string) KeySource {
	return func(context.Context) (string, error) { return key, nil }
}

// KeyFile returns a source that reads the key from a file and trims white space. The file is read for each request: it is
// small, and a mounted Secret changes by a swapped symbolic link that a time stamp does not always show.
func KeyFile(path string) KeySource {
	return func(context.Context) (string, error) {
		data, err := os.ReadFile(path)
		return strings.TrimSpace(string(data)), err
	}
}

// KeyError means that there is no usable admin key. No request was made.
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
		return "", &KeyError{Err: errors.New("must not be empty")}
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", &KeyError{Err: errors.New("must not contain control characters")}
	}
	return key, nil
}

// Format implements [fmt.Formatter].
func (s KeySource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements [slog.LogValuer].
func (s KeySource) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON implements [json.Marshaler].
func (s KeySource) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
