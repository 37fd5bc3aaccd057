// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// TestSecretModeNotCarried: a standalone gateway whose ingress controller is down is never written by us. After half a
// minute Served tells to look at that controller, and once it runs again the certificate is served.
func TestSecretModeNotCarried(t *testing.T) {
	if !long() {
		t.Skip("waits for half a minute: set APISIX_CERTS_MEASURES=long; TestServed of controllers/certificate/status shows the same")
	}
	w := newWorld(t, modeSecret)
	w.stopTheirs()
	m := w.managed("ApisixTls", "not-carried")
	m.create()
	w.eventually(50*time.Second, func(context.Context) (bool, string) {
		var list v1alpha1.ApisixCertificateList
		if err := w.Client.List(t.Context(), &list); err != nil || len(list.Items) == 0 {
			return false, "there is no ApisixCertificate yet"
		}
		c := meta.FindStatusCondition(list.Items[0].Status.Conditions, v1alpha1.ConditionServed)
		ok := c != nil && c.Reason == v1alpha1.ReasonNotServed && strings.Contains(c.Message, "ingress controller")
		return ok, "Served does not name the ingress controller"
	})
	w.wantNoConfigs()
	w.startTheirs()
	m.wantServed(60 * time.Second)
	w.wantNoConfigs()
	m.delete()
	m.wantGone(30 * time.Second)
}

// TestStandaloneRestart: a standalone gateway that was started anew has nothing, and its ingress controller would notice within an
// hour. One ApisixTls is touched, once, which makes it look, and nothing else of ours is written.
func TestStandaloneRestart(t *testing.T) {
	w := newWorld(t, modeSecret)
	w.stopTheirs()
	w.period = time.Hour
	w.startTheirs()
	m := w.managed("ApisixTls", "restarted")
	m.create()
	m.wantServed(30 * time.Second)
	before := m.serial
	w.quiet()
	w.turnStandalone()
	w.eventually(45*time.Second, func(ctx context.Context) (bool, string) {
		serial, but := m.look(ctx)
		return but == "" && serial == before, "the certificate is not served again: " + but
	})
	tls := &configv2.ApisixTls{}
	if err := w.Client.Get(t.Context(), client.ObjectKeyFromObject(m.object()), tls); err != nil {
		t.Fatal(err)
	}
	if tls.Annotations[v1alpha1.AnnotationTouchedAt] == "" {
		t.Errorf("not touched: %v", tls.Annotations)
	}
	w.wantNoConfigs()
	m.delete()
	m.wantGone(30 * time.Second)
}
