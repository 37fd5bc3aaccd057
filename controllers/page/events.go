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
	// paceOfChanges is the least time between two events of a stream: what changes meanwhile is in one.
	paceOfChanges = 250 * time.Millisecond
	// heartbeat is how often a stream tells the time where nothing changes. The page takes two that are missing for a dead
	// connection.
	heartbeat = 15 * time.Second
	// lifeOfStream is how long a stream lasts: the browser then opens another, and who may read is looked at anew.
	lifeOfStream = 5 * time.Minute
	// writeTimeout ends a stream that nobody reads.
	writeTimeout = 20 * time.Second
	// maxStreams bounds what open pages cost.
	maxStreams = 128
)

// streams sends changes as server-sent events (WHATWG HTML, section 9.2). Event "change" has a Change as its data and its
// version as its id, "time" the time of the controller, and "resync" asks for a snapshot to be read.
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
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	version := r.Header.Get("Last-Event-ID") // of a browser that connects again
	if version == "" {
		version = r.URL.Query().Get("since")
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies of nginx's kind pass each event on at once
	if r.Method == http.MethodHead {
		return
	}
	stream := &stream{feed: s.feed, clock: s.clock, w: w, control: http.NewResponseController(w), version: version}
	stream.run(r.Context().Done())
}

// stream is what one open page reads.
type stream struct {
	feed    *Feed
	clock   clock.WithTicker
	w       http.ResponseWriter
	control *http.ResponseController
	version string // the last that was sent
}

func (s *stream) run(gone <-chan struct{}) {
	end, beat := s.clock.NewTimer(lifeOfStream), s.clock.NewTicker(heartbeat)
	defer end.Stop()
	defer beat.Stop()
	if s.send("retry: 2000\n\n") != nil || s.tellTime() != nil {
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
			if s.tellTime() != nil {
				return
			}
			continue
		case <-end.C():
			return
		case <-gone:
			return
		}
		select {
		case <-s.clock.After(paceOfChanges):
		case <-gone:
			return
		}
	}
}

// catchUp sends what changed, and returns a channel that is closed when more does. It is false where the stream is over.
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

func (s *stream) tellTime() error { return s.send("event: time\ndata: %s\n\n", s.now()) }

func (s *stream) now() string { return s.clock.Now().UTC().Format(time.RFC3339) }

func (s *stream) send(format string, args ...any) error {
	_ = s.control.SetWriteDeadline(s.clock.Now().Add(writeTimeout)) // a recorder of tests has none
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.control.Flush()
}
