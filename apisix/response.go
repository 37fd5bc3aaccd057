// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

const messageLimit = 300 // bytes

// check returns an *APIError for a response other than success. The admin key is a parameter so that it can be removed from
// the message.
func (a response) check(key string) error {
	if a.outdated() {
		return a.outdatedError()
	}
	fields, isObject := a.fields()
	if a.status >= 200 && a.status < 300 {
		if !isObject && a.request.method != http.MethodHead {
			return a.notAdminAPI("the response is not JSON of the Admin API")
		}
		return nil
	}
	if a.status >= 300 && a.status < 400 {
		return a.notAdminAPI("redirects are not followed")
	}
	e := a.error(message(fields, key))
	// The ssl handler responds {"message":"Key not found"} for a missing object; for an unknown resource it sets error_msg.
	e.NotAdminAPI = !isObject || a.status == http.StatusNotFound && fields.Message == ""
	return e
}

// failure has the fields of a response that may be repeated in an error. What APISIX echoes of the request is not among
// them.
type failure struct {
	ErrorMsg    string `json:"error_msg"`
	Message     string `json:"message"`
	Description string `json:"description"`
}

// fields returns false where the body is not a JSON object.
func (a response) fields() (failure, bool) {
	object := read[map[string]json.RawMessage](a.body)
	return failure{
		ErrorMsg: text(object["error_msg"]), Message: text(object["message"]), Description: text(object["description"]),
	}, object != nil
}

func (a response) error(message string) *APIError {
	return &APIError{
		Status: a.status, Message: message, Endpoint: a.endpoint, Method: a.request.method, Path: a.request.path(), Server: a.server(),
	}
}

func (a response) notAdminAPI(message string) *APIError {
	e := a.error(message)
	e.NotAdminAPI = true
	return e
}

// message joins what APISIX reports.
func message(f failure, key string) string {
	var parts []string
	for _, part := range []string{f.ErrorMsg, f.Message, f.Description} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return clean(strings.Join(parts, ": "), key)
}

var (
	pemBlock = regexp.MustCompile(`(?s)-----BEGIN.*?(-----END[^-]*-----|$)`)
	longRun  = regexp.MustCompile(`[A-Za-z0-9+/=_]{48,}`) // base64 of a key without PEM lines
)

// clean removes what may be a key, and what would garble a log line or a status.
func clean(s, key string) string {
	s = pemBlock.ReplaceAllString(s, redacted)
	s = longRun.ReplaceAllString(s, redacted)
	if key != "" {
		s = strings.ReplaceAll(s, key, redacted)
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > messageLimit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
