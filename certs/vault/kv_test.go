// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestKV(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	stored := map[string]string{}
	f.SetHandler("kv/shop/one", func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut:
			_ = json.NewDecoder(r.Body).Decode(&stored)
			w.WriteHeader(http.StatusNoContent)
		case http.MethodDelete:
			stored = map[string]string{}
			w.WriteHeader(http.StatusNoContent)
		default:
			if len(stored) == 0 {
				vaulttest.WriteError(w, http.StatusNotFound)
				return
			}
			vaulttest.WriteData(w, map[string]any{"cert": stored["cert"], "key": stored["key"]})
		}
	})
	f.SetHandler("kv/shop", func(w http.ResponseWriter, _ *http.Request) {
		vaulttest.WriteData(w, map[string]any{"keys": []string{"one", "folder/"}})
	})
	ctx := context.Background()
	has := func(key string) bool {
		ok, err := s.HasKV(ctx, "kv/shop/one", key)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if has("key") {
		t.Error("there is something before the first write")
	}
	if err := s.WriteKV(ctx, "kv/shop/one", map[string]string{"cert": "c", "key": "k"}); err != nil {
		t.Fatal(err)
	}
	if !has("key") || has("other") {
		t.Errorf("stored %v", stored)
	}
	if names, err := s.ListKV(ctx, "kv/shop"); err != nil || !cmp.Equal(names, []string{"one"}) {
		t.Errorf("%v %v", names, err)
	}
	if err := s.DeleteKV(ctx, "kv/shop/one"); err != nil || has("key") {
		t.Errorf("after the end: %v", err)
	}
}

func TestKVErrors(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	rows := map[string]struct {
		response http.HandlerFunc
		kind     Kind
		says     string
	}{
		"kv/version2": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"warnings":["Invalid path for a versioned K/V secrets engine."]}`))
		}, Setup, "version 1"},
		"kv/forbidden": {func(w http.ResponseWriter, _ *http.Request) {
			vaulttest.WriteError(w, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
		}, Setup, "policy must allow"},
		"kv/sealed": {func(w http.ResponseWriter, _ *http.Request) { vaulttest.WriteError(w, 503, "Vault is sealed") }, Transient, "sealed"},
	}
	for path, row := range rows {
		f.SetHandler(path, row.response)
		err := s.WriteKV(context.Background(), path, map[string]string{"key": "-----BEGIN PRIVATE KEY-----"})
		var known *Error
		if !errors.As(err, &known) || known.Kind != row.kind || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
