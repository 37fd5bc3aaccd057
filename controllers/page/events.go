// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"k8s.io/utils/clock"
)

const (
	// minEventInterval is the minimum time between two events of a stream. Changes in between are combined.
	minEventInterval = 250 * time.Millisecond
	// heartbeat is how often a stream sends the time if nothing changes. The page reconnects if two are missing.
	heartbeat = 15 * time.Second
	// maxStreamDuration is the maximum duration of a stream. The browser then opens another, which is authorized again.
	maxStreamDuration = 5 * time.Minute
	// writeTimeout closes a stream that is not read.
	writeTimeout = 20 * time.Second
	// maxStreams bounds the resources of open pages.
	maxStreams = 128
)

// streams sends changes as server-sent events (WHATWG HTML, section 9.2). Event "change" has a Change as its data and its version
// as its ID. Event "time" has the time of the controller. Event "resync" makes the page read a new snapshot.
type streams struct {
	feed  *Feed
	clock clock.WithTicker
	slots chan struct{}
}

func newStreams(feed *Feed, clock clock.WithTicker) *streams {
	return &streams{feed: feed, clock: clock, slots: make(chan struct{}, maxStreams)}
}

func (s *streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many open pages", http.StatusServiceUnavailable)
		return
	}
	version := r.Header.Get("Last-Event-ID") // of a browser that reconnects
	if version == "" {
		version = r.URL.Query().Get("since")
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx and similar proxies must not buffer events
	if r.Method == http.MethodHead {
		return
	}
	stream := &stream{feed: s.feed, clock: s.clock, w: w, control: http.NewResponseController(w), version: version}
	stream.run(r.Context().Done())
}

// stream is the connection of one open page.
type stream struct {
	feed    *Feed
	clock   clock.WithTicker
	w       http.ResponseWriter
	control *http.ResponseController
	version string // the last one sent
}

func (s *stream) run(gone <-chan struct{}) {
	end, beat := s.clock.NewTimer(maxStreamDuration), s.clock.NewTicker(heartbeat)
	defer end.Stop()
	defer beat.Stop()
	if s.send("retry: 2000\n\n") != nil || s.sendTime() != nil {
		return
	}
	for {
		changed, ok := s.catchUp()
		if !ok {
			return
		}
		select {
		case <-changed:
		case <-beat.C():
			if s.sendTime() != nil {
				return
			}
			continue
		case <-end.C():
			return
		case <-gone:
			return
		}
		select {
		case <-s.clock.After(minEventInterval):
		case <-gone:
			return
		}
	}
}

// catchUp sends what changed, and returns a channel that is closed at the next change. It returns false if the stream is over.
func (s *stream) catchUp() (<-chan struct{}, bool) {
	change, changed, known := s.feed.Since(s.version)
	if !known {
		_ = s.send("event: resync\ndata: {}\n\n")
		return nil, false
	}
	s.version = change.Version
	if change.Empty() {
		return changed, true
	}
	change.Now = s.now()
	data, err := json.Marshal(change)
	if err != nil {
		return nil, false
	}
	return changed, s.send("id: %s\nevent: change\ndata: %s\n\n", change.Version, data) == nil
}

func (s *stream) sendTime() error { return s.send("event: time\ndata: %s\n\n", s.now()) }

func (s *stream) now() string { return s.clock.Now().UTC().Format(time.RFC3339) }

func (s *stream) send(format string, args ...any) error {
	_ = s.control.SetWriteDeadline(s.clock.Now().Add(writeTimeout)) // not supported by recorders of tests
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.control.Flush()
}
