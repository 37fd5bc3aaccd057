// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const (
	cleansUp   = "cleans up an object whose PUT was not recorded"
	timing     = "times of the recorded machine"
	otherRules = "a rule of routes and services, which the stand-in stores without rules"
	plugin     = "the plugins of the recorded configuration; the stand-in proxies nothing"
)

func TestRecordingSSLs(t *testing.T) {
	replay(t, "ssls", Options{}, map[int]string{280: cleansUp, 464: cleansUp, 486: cleansUp, 514: cleansUp})
}

func TestRecordingTLS(t *testing.T) {
	replay(t, "tls", Options{}, map[int]string{
		6:   "the TLS client of Go sends no final dot, and its server refuses one",
		128: "tells of the exchanges before it; TestOpenConnections does the same in its own order",
		130: timing, 131: timing, 132: timing,
	})
}

func TestRecordingTLS2(t *testing.T) { replay(t, "tls2", Options{}, nil) }

func TestRecordingEncryption(t *testing.T) { replay(t, "encryption", Options{}, nil) }

func TestRecordingStandalone(t *testing.T) { replay(t, "standalone", Options{Standalone: true}, nil) }

func TestRecordingOther(t *testing.T) {
	replay(t, "other", Options{}, map[int]string{
		5: otherRules, 6: otherRules, 7: otherRules, 8: otherRules, 17: otherRules, 18: otherRules,
		51: plugin, 53: plugin, 54: plugin,
	})
}

// described makes a body of which the recording has only the description.
func described(t *testing.T, e exchange) io.Reader {
	t.Helper()
	plain := recordedPut(t)
	switch e.Name {
	case "chunked PUT":
		return struct{ io.Reader }{bytes.NewReader(plain)} // of unknown length, so sent in chunks
	case "gzip PUT":
		var packed bytes.Buffer
		writer := gzip.NewWriter(&packed)
		_, _ = writer.Write(plain)
		_ = writer.Close()
		return &packed
	}
	var objects, size int
	if _, err := fmt.Sscanf(strings.ReplaceAll(e.RequestBodyDesc, ",", ""), "%d ssl objects", &objects); err == nil {
		return manySSLs(plain, objects)
	}
	words := strings.Fields(e.RequestBodyDesc)
	if _, err := fmt.Sscan(words[len(words)-2], &size); err != nil {
		t.Fatalf("%q is not understood", e.RequestBodyDesc)
	}
	return strings.NewReader("{" + strings.Repeat(" ", size-2) + "}")
}

// recordedPut is the body of "put new".
func recordedPut(t *testing.T) []byte {
	t.Helper()
	for _, e := range recording(t, "ssls") {
		if e.Name == "put new" {
			return e.RequestBody
		}
	}
	t.Fatal("no such exchange")
	return nil
}

func manySSLs(one []byte, n int) io.Reader {
	var object map[string]any
	if err := json.Unmarshal(one, &object); err != nil {
		panic(err)
	}
	var list []json.RawMessage
	for i := range n {
		object["id"], object["snis"] = fmt.Sprint(i), []string{fmt.Sprintf("h%d.example.com", i)}
		list = append(list, marshal(object))
	}
	return bytes.NewReader(marshal(map[string]any{"ssls": list}))
}

func fromYAML(s string) any {
	var value map[string]any
	if strings.Contains(s, "_conf_version:") && yaml.Unmarshal([]byte(s), &value) == nil {
		return comparable(value)
	}
	return s
}
