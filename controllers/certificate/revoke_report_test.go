// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"testing"

	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// statusClient gives a writer of status.
type statusClient struct {
	client.Client
	writer *statusWriter
}

func (c statusClient) Status() client.SubResourceWriter { return c.writer }

// statusWriter takes no status while it has an error.
type statusWriter struct {
	client.SubResourceWriter
	err error
}

func (w *statusWriter) Patch(context.Context, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
	return w.err
}

// That something is not revoked is told once: not while the status cannot be written, and not again after.
func TestRevocationFailedIsToldOnce(t *testing.T) {
	down := errors.New("no answer")
	writer, recorder := &statusWriter{err: down}, events.NewFakeRecorder(10)
	r := &Reconciler{Client: statusClient{writer: writer}, Recorder: recorder, Clock: clocktesting.NewFakeClock(now)}
	cert := newScene(t).cert
	report := func() error {
		return r.reportRevocation(t.Context(), cert, &RevocationError{"the issuer is gone"})
	}
	if err := report(); !errors.Is(err, down) || len(recorder.Events) != 0 {
		t.Errorf("error %v, %d events though the status was not written", err, len(recorder.Events))
	}
	writer.err, cert.Status = nil, v1alpha1.ApisixCertificateStatus{}
	for range 2 {
		if err := report(); err != nil || len(recorder.Events) != 1 {
			t.Errorf("error %v, %d events", err, len(recorder.Events))
		}
	}
}
