// SPDX-License-Identifier: Apache-2.0

package apisixtest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

func TestClientLifeOfAnObject(t *testing.T) {
	_, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "a.example.com", 10)
	ssl.Labels = map[string]string{"managed-by": "test"}
	for _, want := range []bool{true, false} {
		if created, err := client.PutSSL(t.Context(), ssl); err != nil || created != want {
			t.Fatalf("created %t, error %v, want %t", created, err, want)
		}
	}
	renewed := newSSL(t, "a.example.com", 11)
	patch := apisix.SSLPatch{Cert: renewed.Cert, Key: renewed.Key, Labels: map[string]string{"more": "x"}}
	if err := client.PatchSSL(t.Context(), ssl.ID, patch); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetSSL(t.Context(), ssl.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := &apisix.SSL{
		ID: ssl.ID, SNIs: ssl.SNIs, Cert: renewed.Cert, Labels: map[string]string{"managed-by": "test", "more": "x"},
		CreatedIndex: 1, ModifiedIndex: 3,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(apisix.SSL{}, "CreateTime", "UpdateTime")); diff != "" {
		t.Error(diff)
	}
	if err := client.DeleteSSL(t.Context(), ssl.ID); err != nil {
		t.Fatal(err)
	}
	if err := client.DeleteSSL(t.Context(), ssl.ID); !apisix.IsNotFound(err) {
		t.Errorf("second delete: %v, want not found", err)
	}
	if _, err := client.GetSSL(t.Context(), ssl.ID); !apisix.IsNotFound(err) {
		t.Errorf("get: %v, want not found", err)
	}
	if err := client.PatchSSL(t.Context(), ssl.ID, patch); !apisix.IsNotFound(err) {
		t.Errorf("patch: %v, want not found", err)
	}
}

func TestClientListsAllPages(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "a.example.com", 10)
	for _, total := range []int{0, 500, 501, 1001} {
		server.Wipe()
		for i := range total {
			ssl.ID = fmt.Sprintf("id-%04d", i)
			put(t, client, ssl)
		}
		ssls, err := client.ListSSLs(t.Context())
		if err != nil || len(ssls) != total {
			t.Fatalf("%d objects, error %v, want %d", len(ssls), err, total)
		}
		if total > 0 && ssls[total-1].ID != ssl.ID {
			t.Errorf("last is %s, want %s", ssls[total-1].ID, ssl.ID)
		}
	}
}

func TestClientProbe(t *testing.T) {
	for _, test := range []struct {
		standalone bool
		want       apisix.Mode
	}{{false, apisix.ModeEtcd}, {true, apisix.ModeStandalone}} {
		_, client := start(t, apisixtest.Options{Standalone: test.standalone})
		if mode, err := client.Probe(t.Context()); err != nil || mode != test.want {
			t.Errorf("standalone %t: mode %q, error %v", test.standalone, mode, err)
		}
	}
}

func TestClientKeys(t *testing.T) {
	server, _ := start(t, apisixtest.Options{})
	for _, test := range []struct {
		key  string
		want func(error) bool
	}{{"wrong", apisix.IsUnauthorized}, {apisixtest.DefaultViewerKey, apisix.IsReadOnly}} {
		client, err := apisix.New(apisix.Options{
			Endpoints: []string{server.AdminURL()}, AdminKey: apisix.StaticKey(test.key),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutSSL(t.Context(), newSSL(t, "a.example.com", 1)); !test.want(err) {
			t.Errorf("key %s: %v", test.key, err)
		}
		if err := client.CheckWrite(t.Context()); !test.want(err) {
			t.Errorf("key %s, whether it may write: %v", test.key, err)
		}
	}
}

func TestClientCheckWrite(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	if err := client.CheckWrite(t.Context()); err != nil {
		t.Error(err)
	}
	if ssls := server.SSLs(); len(ssls) > 0 {
		t.Errorf("it wrote %v", ssls)
	}
	server.FailNext(1, 405, "<html>405 Not Allowed</html>")
	if err := client.CheckWrite(t.Context()); err == nil {
		t.Error("a proxy that lets no PATCH through passes")
	}
}

func TestClientConcurrently(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	var group sync.WaitGroup
	for worker := range 8 {
		ssl := newSSL(t, fmt.Sprintf("w%d.example.com", worker), int64(worker)+1)
		group.Go(func() {
			for range 15 {
				_, err := client.PutSSL(t.Context(), ssl)
				if err == nil {
					err = client.PatchSSL(t.Context(), ssl.ID, apisix.SSLPatch{Cert: ssl.Cert, Key: ssl.Key})
				}
				if err == nil {
					_, err = client.ListSSLs(t.Context())
				}
				if got := serial(server, ssl.ID); err != nil || got != fmt.Sprint(worker+1) {
					t.Errorf("worker %d: error %v, served %s", worker, err, got)
				}
				if err := client.DeleteSSL(t.Context(), ssl.ID); err != nil {
					t.Error(err)
				}
			}
			_ = server.Calls()
			_ = server.SSLs()
		})
	}
	group.Wait()
	if left := server.SSLs(); len(left) != 0 {
		t.Errorf("%d objects are left", len(left))
	}
}

// BenchmarkPut puts objects into a store that already has 10,000.
func BenchmarkPut(b *testing.B) {
	server, client := start(b, apisixtest.Options{})
	ssl := newSSL(b, "a.example.com", 1)
	fill := func(n int, prefix string) {
		for i := range n {
			ssl.ID = fmt.Sprintf("%s-%d", prefix, i)
			ssl.SNIs = []string{ssl.ID + ".example.com"}
			put(b, client, ssl)
		}
	}
	fill(10_000, "old")
	server.ResetCalls()
	b.ResetTimer()
	fill(b.N, "new")
}
