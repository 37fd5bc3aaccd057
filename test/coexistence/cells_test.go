// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// moments of a source, in the order in which a cell of the table in docs/coexistence.md is played.
var moments = []struct {
	name string
	play func(*managed)
}{
	{"first_issue", func(m *managed) { m.create(); m.wantServed(30 * time.Second) }},
	{"renewal", func(m *managed) { m.renew(); m.wantServed(30 * time.Second) }},
	{"host_change", func(m *managed) { m.changeHosts(); m.wantServed(30 * time.Second) }},
	{"deletion", func(m *managed) { m.delete(); m.wantGone(40 * time.Second) }},
}

var modes = []string{modeOwn, modeAdopt18, modeAdopt2, modeSecret}

// TestCells plays each cell of the table in docs/coexistence.md on the real API server with a real Vault: the real 1.8.4,
// or the double of 2.x, beside our controller at the stand-in; or at a real gateway, and beside a real 2.x (see the package).
func TestCells(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			w := startWorld(t, mode)
			for _, kind := range kinds {
				t.Run(kind, func(t *testing.T) {
					if !w.knows(kind) {
						t.Skip("the cluster of -cluster-kubeconfig has no CRD of " + kind)
					}
					m := w.managed(kind, "cell-"+strings.ToLower(kind))
					for _, moment := range moments {
						t.Run(moment.name, func(t *testing.T) {
							m.world.t = t
							moment.play(m)
						})
					}
					m.world.t = t
					m.wantNoWarnings()
				})
				w.t = t
			}
			if mode == modeSecret {
				w.wantNoConfigs()
			}
		})
	}
}

// wantNoWarnings checks that our controller has warned of nothing that went well.
func (m *managed) wantNoWarnings() {
	m.t.Helper()
	var list eventsv1.EventList
	if err := m.Client.List(m.t.Context(), &list, client.InNamespace(namespace)); err != nil {
		m.t.Fatal(err)
	}
	for _, e := range list.Items {
		if e.ReportingController == "apisix-certs" && e.Type == corev1.EventTypeWarning && (e.Regarding.Name == m.name || e.Regarding.Name == m.secret) {
			m.t.Errorf("%s %s: a warning in normal operation: %s %s", e.Regarding.Kind, e.Regarding.Name, e.Reason, e.Note)
		}
	}
}

// wantNoConfigs checks that our controller never writes the whole configuration.
func (w *world) wantNoConfigs() {
	w.t.Helper()
	if n := w.oursWrote(); n > 0 {
		w.t.Errorf("our controller made %d writing requests to a standalone gateway", n)
	}
}
