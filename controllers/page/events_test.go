// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
)

// events reads a stream: each is "EVENT DATA", with the names of certificates for the data of a change.
func events(t *testing.T, url string, headers ...string) <-chan string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	found := make(chan string, 100)
	go func() {
		defer close(found)
		kind := ""
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case name == "event":
				kind = value
			case name == "data" && kind == "change":
				found <- fmt.Sprint(told(t, decode[Change](t, []byte(value))))
			case name == "data" && kind != "time":
				found <- kind
			}
		}
	}()
	return found
}

func next(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case event, ok := <-from:
		if !ok {
			return "end"
		}
		return event
	case <-time.After(5 * time.Second):
		t.Fatal("no event comes")
		return ""
	}
}

func newServerOf(t *testing.T, feed *Feed) string {
	t.Helper()
	server := httptest.NewServer(Handler(feed, clock.RealClock{}, nil))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL
}

// Only what changed is sent, and changes that come fast are in one event.
func TestEvents(t *testing.T) {
	feed := NewFeed()
	feed.PutCertificate(named("a"))
	stream := events(t, newServerOf(t, feed)+"/page/events?since="+feed.Snapshot().Version)
	feed.PutCertificate(named("b"))
	have := []string{next(t, stream)}
	for i := range 20 {
		c := named("c")
		c.Serial = fmt.Sprint(i)
		feed.PutCertificate(c)
	}
	feed.Remove(named("a").Key)
	have = append(have, next(t, stream))
	if diff := cmp.Diff([]string{"[b]", "[c gone certificate/shop/a]"}, have); diff != "" {
		t.Error(diff)
	}
}

// A change waits a moment for others, whatever the pace at which the page reads, and a stream ends when its reader is to
// be looked at anew.
func TestStreamTimes(t *testing.T) {
	feed := NewFeed()
	clock := clocktesting.NewFakeClock(time.Now()) // connections have their deadlines by it
	server := httptest.NewServer(Handler(feed, clock, nil))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	since := feed.Snapshot().Version
	feed.PutCertificate(named("missed"))
	stream := events(t, server.URL+"/page/events?since="+since)
	if have := next(t, stream); have != "[missed]" {
		t.Errorf("%s, want what was missed", have)
	}
	feed.PutCertificate(named("a"))
	select {
	case event := <-stream:
		t.Errorf("%s comes at once", event)
	case <-time.After(100 * time.Millisecond):
	}
	feed.PutCertificate(named("b"))
	for _, c := range []struct {
		step time.Duration
		want string
	}{{minEventInterval, "[a b]"}, {maxStreamDuration, "end"}} {
		stop := stepping(clock, c.step)
		if have := next(t, stream); have != c.want {
			t.Errorf("%s, want %s", have, c.want)
		}
		stop()
	}
}

// stepping steps again and again, for it cannot know when somebody begins to wait.
func stepping(clock *clocktesting.FakeClock, by time.Duration) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
				clock.Step(by)
			}
		}
	}()
	return func() { close(end); <-ended }
}

// A browser that connects again names the last event that it has seen.
func TestReconnect(t *testing.T) {
	feed := NewFeed()
	old := feed.Snapshot().Version
	feed.PutCertificate(named("a"))
	seen := feed.Snapshot().Version
	feed.PutCertificate(named("b"))
	url := newServerOf(t, feed) + "/page/events?since=" + old
	if have := next(t, events(t, url, "Last-Event-ID", seen)); have != "[b]" {
		t.Errorf("after %s: %s", seen, have)
	}
	if have := next(t, events(t, url)); have != "[a b]" {
		t.Errorf("after %s: %s", old, have)
	}
	stream := events(t, url, "Last-Event-ID", "another-1")
	if have := []string{next(t, stream), next(t, stream)}; !cmp.Equal(have, []string{"resync", "end"}) {
		t.Errorf("after another process: %v", have)
	}
}

func TestTooManyStreams(t *testing.T) {
	s := newStreams(NewFeed(), clock.RealClock{})
	for range maxStreams {
		s.slots <- struct{}{}
	}
	if answer := get(s, "GET", "/page/events"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", answer.StatusCode)
	}
	<-s.slots
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/page/events", nil))
	if len(s.slots) != maxStreams-1 {
		t.Errorf("a stream that ended leaves %d", len(s.slots))
	}
}

// A server that shuts down does not wait for pages that are open.
func TestShutdownEndsStreams(t *testing.T) {
	feed := NewFeed()
	server := newServer(Handler(feed, clock.RealClock{}, nil))
	listening := httptest.NewUnstartedServer(nil)
	listening.Config = server
	listening.Start()
	stream := events(t, listening.URL+"/page/events?since="+feed.Snapshot().Version)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if have := next(t, stream); have != "end" {
		t.Errorf("the stream goes on with %s", have)
	}
}

// A stream outlasts the time that the server gives to other answers.
func TestStreamsOutlastTheWriteTimeout(t *testing.T) {
	feed := NewFeed()
	server := newServer(Handler(feed, clock.RealClock{}, nil))
	server.WriteTimeout = 300 * time.Millisecond
	listening := httptest.NewUnstartedServer(nil)
	listening.Config = server
	listening.Start()
	t.Cleanup(func() { listening.CloseClientConnections(); listening.Close() })
	stream := events(t, listening.URL+"/page/events?since="+feed.Snapshot().Version)
	time.Sleep(600 * time.Millisecond)
	feed.PutCertificate(named("late"))
	if have := next(t, stream); have != "[late]" {
		t.Errorf("after the time-out comes %s", have)
	}
}
