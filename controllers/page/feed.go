// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// keptTombstones is how many deletions a feed remembers. A client that missed more reads everything again.
const keptTombstones = 4096

// Feed stores the encoded rows of the page, and which of them changed since a revision.
type Feed struct {
	epoch string // identifies this process, to which revisions belong

	mu         sync.Mutex
	revision   uint64
	rows       map[string]row
	tombstones []tombstone
	lost       uint64 // deletions up to this revision are forgotten
	changed    chan struct{}
}

type row struct {
	text     json.RawMessage
	revision uint64 // of the last change
}

type tombstone struct {
	key      string
	revision uint64
}

// Change is the content of a feed, or what has changed in it, as sent to the page.
type Change struct {
	Version      string            `json:"version"` // to request the changes after it
	Now          string            `json:"now"`     // RFC 3339, of the controller
	Certificates []json.RawMessage `json:"certificates"`
	Issuers      []json.RawMessage `json:"issuers"`
	Gone         []string          `json:"gone,omitempty"` // keys
}

// NewFeed returns an empty feed.
func NewFeed() *Feed {
	return &Feed{epoch: rand.Text(), rows: map[string]row{}, changed: make(chan struct{})}
}

// PutCertificate adds or replaces a certificate. An equal one is not a change.
func (f *Feed) PutCertificate(c Certificate) { f.put(c.Key, c) }

// PutIssuer adds or replaces an issuer.
func (f *Feed) PutIssuer(i Issuer) { f.put(i.Key, i) }

func (f *Feed) put(key string, value any) {
	text, err := json.Marshal(value)
	if err != nil { // a time whose year JSON cannot represent
		text, _ = json.Marshal(map[string]any{"key": key, "error": err.Error()})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if bytes.Equal(f.rows[key].text, text) {
		return
	}
	f.revision++
	f.rows[key] = row{text: text, revision: f.revision}
	f.wake()
}

// Remove removes a row by its key. It does nothing if there is none.
func (f *Feed) Remove(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.rows[key]; !known {
		return
	}
	delete(f.rows, key)
	f.revision++
	f.tombstones = append(f.tombstones, tombstone{key, f.revision})
	if len(f.tombstones) > keptTombstones {
		f.lost = f.tombstones[0].revision
		f.tombstones = f.tombstones[1:]
	}
	f.wake()
}

func (f *Feed) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// Snapshot returns all rows, by key.
func (f *Feed) Snapshot() Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.after(0, nil)
}

// Since returns what changed after version, and a channel that is closed at the next change. It returns false if the version is
// of another process or too old.
func (f *Feed) Since(version string) (Change, <-chan struct{}, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var revision uint64
	epoch, number, _ := strings.Cut(version, "-")
	if _, err := fmt.Sscanf(number, "%d", &revision); err != nil || epoch != f.epoch || revision > f.revision || revision < f.lost {
		return Change{}, nil, false
	}
	return f.after(revision, f.tombstones), f.changed, true
}

func (f *Feed) after(revision uint64, graves []tombstone) Change {
	c := Change{Version: fmt.Sprintf("%s-%d", f.epoch, f.revision), Certificates: []json.RawMessage{}, Issuers: []json.RawMessage{}}
	for _, key := range f.keysAfter(revision) {
		if strings.HasPrefix(key, "issuer/") {
			c.Issuers = append(c.Issuers, f.rows[key].text)
		} else {
			c.Certificates = append(c.Certificates, f.rows[key].text)
		}
	}
	for _, g := range graves {
		if _, again := f.rows[g.key]; g.revision > revision && !again {
			c.Gone = append(c.Gone, g.key)
		}
	}
	return c
}

func (f *Feed) keysAfter(revision uint64) []string {
	var keys []string
	for key, r := range f.rows {
		if r.revision > revision {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Empty reports whether c changes nothing.
func (c *Change) Empty() bool { return len(c.Certificates)+len(c.Issuers)+len(c.Gone) == 0 }
