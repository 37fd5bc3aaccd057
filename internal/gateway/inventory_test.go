// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// Many targets share one list.
func TestInventoryOneList(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com")
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { _, _ = s.Observe(context.Background(), target) })
	}
	group.Wait()
	if calls := s.standIn.Calls(); len(calls) > 2 {
		t.Errorf("%d requests for one list", len(calls))
	}
}

// What is written while a list is read is not undone by the list, which may be older.
func TestInventoryWriteBesideList(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	gone, kept := s.target("gone", "gone.example.com"), s.target("kept", "kept.example.com")
	s.mustPush(gone)
	began := make(chan struct{})
	s.standIn.Fail(func(r *http.Request) *apisixtest.Failure {
		if r.Method != http.MethodGet || r.URL.Query().Get("page") == "" {
			return nil
		}
		close(began)
		return &apisixtest.Failure{Status: http.StatusOK, Body: `{"list":{},"total":0}`, Delay: 200 * time.Millisecond}
	})
	listed := make(chan error)
	go func() { listed <- s.Refresh(context.Background()) }()
	<-began
	s.standIn.Fail(nil)
	if _, verb, err := s.tryPush(kept); verb != ActionPut || err != nil {
		t.Fatal(verb, err)
	}
	if done, err := s.Remove(context.Background(), gone, true); !done || err != nil {
		t.Fatal(done, err)
	}
	if err := <-listed; err != nil {
		t.Fatal(err)
	}
	if _, verb, _ := s.tryPush(kept); verb != ActionKeep {
		t.Errorf("an object that was written meanwhile: %s", verb)
	}
	if _, ok := s.parts.inventory.Get(s.ID(gone)); ok {
		t.Error("an object that was deleted meanwhile is back")
	}
}

// A write that creates what was thought to be there says that the store was emptied.
func TestInventoryDoubt(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	first, second := s.target("u1", "a.example.com"), s.target("u2", "b.example.com")
	s.mustPush(first)
	s.mustPush(second)
	if s.Invalidated() {
		t.Error("doubt without a reason")
	}
	s.standIn.Wipe()
	s.mustPush(s.target("u1", "a.example.com"))
	if !s.Invalidated() || s.Invalidated() {
		t.Error("the wipe was not noticed, or is told twice")
	}
	if _, verb, proof := s.push(second); verb != ActionPut || !proof.Served {
		t.Errorf("the other object: %s %+v", verb, proof)
	}
}

func TestInventoryAge(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	s.refresh()
	s.standIn.ResetCalls()
	for range 3 {
		if err := s.Reread(context.Background(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if calls := s.standIn.Calls(); len(calls) != 0 {
		t.Errorf("a list that is young enough was read again: %v", calls)
	}
	if err := s.Reread(context.Background(), 0); err != nil || len(s.standIn.Calls()) == 0 {
		t.Errorf("a list that is too old was not read again: %v", err)
	}
}
