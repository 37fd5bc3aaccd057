// SPDX-License-Identifier: Apache-2.0

package source

import (
	"sync"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// reconciler creates the ApisixCertificates of all sources. A request is for a Secret that sources name (see group), or for one
// source, to report its faults.
type reconciler struct {
	client.Client
	recorder events.EventRecorder
	clock    clock.PassiveClock
	defaults Defaults
	brake    brake
	// mayRead reports whether objects of a namespace are read.
	mayRead func(namespace string) bool

	mu    sync.RWMutex
	kinds map[string]Kind // watched kinds

	reported sync.Map // ctrl.Request -> map[saying]string, of the last reconciliation
	marked   sync.Map // ctrl.Request -> mark, the last one written
}

// followed returns a watched kind of source.
func (r *reconciler) followed(kind string) (k Kind, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	k, ok = r.kinds[kind]
	return k, ok
}
