// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"net/http"
	"strings"
	"testing"
)

// rewritten puts what lives in this test in the place of what lived beside the recorded APISIX: the CA of client
// certificates, whose key was not recorded, and the address of Vault. Generated ids become ours.
func (p *player) rewritten(t *testing.T, value any) any {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		copied := map[string]any{}
		for name, item := range v {
			copied[name] = p.rewritten(t, item)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, item := range v {
			copied[i] = p.rewritten(t, item)
		}
		return copied
	case string:
		if p.pki.replaces(v) {
			return p.pki.ca
		}
		return strings.ReplaceAll(p.ids.Replace(v), "http://127.0.0.1:18200", p.vault.url)
	}
	return value
}

// withoutCiphertext leaves the length of encrypted keys alone.
func withoutCiphertext(value any) any {
	object, _ := value.(map[string]any)
	inner, _ := object["value"].(map[string]any)
	if key, ok := inner["key"].(string); ok {
		inner["key"] = len(key)
	}
	keys, _ := inner["keys"].([]any)
	for i, key := range keys {
		keys[i] = len(text(key))
	}
	return value
}

// comparable drops what the recordings call volatile. A yaml text becomes its value.
func comparable(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, item := range v {
			switch name {
			case "create_time", "update_time", "createdIndex", "modifiedIndex", "X-Last-Modified":
			default:
				kept[name] = comparable(item)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, item := range v {
			kept[i] = comparable(item)
		}
		return kept
	case string:
		return fromYAML(v)
	}
	return value
}

// learn keeps the id that a POST made.
func (p *player) learn(e exchange, got any) {
	recorded, ok1 := e.ResponseBody.(map[string]any)
	answered, ok2 := got.(map[string]any)
	if e.Method == http.MethodPost && e.Status == http.StatusCreated && ok1 && ok2 {
		p.ids = strings.NewReplacer(lastPart(recorded["key"]), lastPart(answered["key"]))
	}
}

func lastPart(key any) string {
	s := text(key)
	return s[strings.LastIndexByte(s, '/')+1:]
}
