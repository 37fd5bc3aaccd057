// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// leastRecheck is the minimum time between two checks by CheckSoon.
const leastRecheck = 5 * time.Second

// CheckSoon schedules a check of an issuer before the next periodic one, at most once in leastRecheck because it costs requests
// to Vault. It does not wait.
func (s *Sessions) CheckSoon(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, queue := s.byKey[key], s.soon[key.Kind]
	now := s.Clock.Now()
	if e == nil || queue == nil || now.Before(e.checkedSoon.Add(leastRecheck)) {
		return
	}
	object := &metav1.PartialObjectMetadata{}
	object.Namespace, object.Name = key.Namespace, key.Name
	select {
	case queue <- event.GenericEvent{Object: object}:
		e.checkedSoon = now
	default: // the queue is full: the issuer is checked each minute anyway
	}
}

// soonOf returns the source of issuers of a kind that CheckSoon schedules.
func (s *Sessions) soonOf(kind string) source.Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.soon == nil {
		s.soon = map[string]chan event.GenericEvent{}
	}
	s.soon[kind] = make(chan event.GenericEvent, 16)
	return source.Channel(s.soon[kind], &handler.EnqueueRequestForObject{})
}
