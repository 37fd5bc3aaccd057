// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

func kubeFaults() []fault {
	const conflict = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the object has been modified","reason":"Conflict","code":409}`
	const internal = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"of the test","reason":"InternalError","code":500}`
	const unavailable = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"of the test","reason":"ServiceUnavailable","code":503}`
	rows := []fault{
		{name: "restarted in renewals", begin: apiServerRestarted, hold: none, mayLose: 3},
		{name: "restarted in a first issue", begin: apiServerRestarted, hold: none, work: issue, mayLose: 1},
		{name: "restarted in a deletion", begin: apiServerRestarted, hold: none, work: remove},
		{name: "etcd restarted with it", begin: etcdRestarted, hold: none, mayLose: 3},
		{name: "connections cut", begin: func(s *scene) *trouble { return &trouble{felt: s.kubeWire.Cut} }},
		{name: "does not respond until the lease is lost", begin: silentForLong},
		{name: "does not respond for a few seconds", begin: suffers(kubeWire, cluster.Trouble{Stall: true})},
		{name: "slow: 50 ms a kilobyte", begin: suffers(kubeWire, cluster.Trouble{Pause: 50 * time.Millisecond})},
		{name: "conflicts for every write of a Secret", begin: answers(atSecret, status(409, conflict)), work: renewHeld},
		{name: "conflicts for every write of a status", begin: answers(atStatus, status(409, conflict))},
		{name: "503 to every write of a Secret", begin: answers(atSecret, status(503, unavailable))},
		{name: "500 to every write of a status", begin: answers(atStatus, status(500, internal))},
		{name: "503 in a deletion of the Secret", begin: answers(atDeletion, status(503, unavailable)), work: remove},
		{name: "writes a Secret, and the response is lost", begin: loses(atSecret, kubeWire), work: renewHeld},
		{name: "writes a first Secret, and the response is lost", begin: loses(atSecret, kubeWire), work: issue},
		{name: "writes a status, and the response is lost", begin: loses(atStatus, kubeWire), work: renewHeld},
		{name: "1,000 writes of another writer to the object", begin: hammered},
	}
	for i := range rows {
		rows[i].part, rows[i].hold = "API server", cmp.Or(rows[i].hold, hold)
		if rows[i].hold == none {
			// The watches of client-go back off, up to half a minute each, and remember for two what has gone before.
			rows[i].after = single
		}
	}
	return rows
}

func kubeWire(w *world) *cluster.Wire { return w.kubeWire }

// apiServerRestarted stops the API server a moment after the work was asked for, and is over when it answers again.
func apiServerRestarted(s *scene) *trouble {
	return &trouble{felt: func() {
		s.stopAPIServer()
		time.Sleep(hold)
		s.must(s.Kube.StartAPIServer())
		s.must(s.kubeWire.Restart())
	}}
}

// stopAPIServer does not wait until the last watch has ended: the second signal ends the API server at once.
func (s *scene) stopAPIServer() {
	s.Helper()
	s.kubeWire.Stop() // a tap would answer in its place
	stopped := make(chan error, 1)
	go func() { stopped <- s.Kube.StopAPIServer() }()
	time.Sleep(500 * time.Millisecond)
	s.must(errors.Join(s.Kube.StopAPIServer(), <-stopped))
}

// keepRunning starts a controller that has ended by itself, having lost its lease, as a kubelet does.
func (s *scene) keepRunning() {
	s.Helper()
	select {
	case <-s.controller.Ended():
		s.Log("the controller has ended, and is started again")
		s.must(s.startController(s.Context()))
	default:
	}
}

func etcdRestarted(s *scene) *trouble {
	return &trouble{felt: func() {
		s.stopAPIServer()
		s.must(s.RestartKube(s.Context()))
		s.must(s.kubeWire.Restart())
		s.must(s.listen(context.Background()))
	}}
}

// silentForLong lasts until the controller has given up its lease and ended.
func silentForLong(s *scene) *trouble {
	s.kubeWire.Suffer(cluster.Trouble{Stall: true})
	return &trouble{
		felt: func() { s.await(s.controller.Ended(), "the controller goes on without its lease") },
		end:  func() { s.kubeWire.Suffer(cluster.Trouble{}) },
	}
}

// hammered writes labels, annotations and the status of "held" 1,000 times beside the controller, while it renews.
func hammered(s *scene) *trouble {
	ended := make(chan error, 1)
	ctx, cert := s.Context(), &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "held"}}
	go func() {
		var err error
		for i := 0; i < 1000 && err == nil; i++ {
			switch i % 3 {
			case 0:
				err = s.Client.Patch(ctx, cert.DeepCopy(), patch(`{"metadata":{"labels":{"hammer":"%d"}}}`, i))
			case 1:
				err = s.Client.Patch(ctx, cert.DeepCopy(), patch(`{"metadata":{"annotations":{"example.com/hammer":"%d"}}}`, i))
			case 2:
				err = s.Client.Status().Patch(ctx, cert.DeepCopy(), patch(`{"status":{"failedAttempts":%d}}`, i))
			}
		}
		ended <- err
	}()
	return &trouble{felt: func() { s.must(<-ended) }}
}

func patch(format string, i int) client.Patch {
	return client.RawPatch("application/merge-patch+json", []byte(fmt.Sprintf(format, i)))
}

// secretFaults are Secrets changed by hand.
func secretFaults() []fault {
	rows := []fault{
		{name: "deleted", work: deleteSecret},
		{name: "tls.crt truncated", work: damage(1, func(_ *scene, s *corev1.Secret) { s.Data["tls.crt"] = s.Data["tls.crt"][:200] })},
		{name: "tls.crt empty", work: damage(1, func(_ *scene, s *corev1.Secret) { s.Data["tls.crt"] = []byte{} })},
		{name: "tls.key garbage", work: damage(1, func(_ *scene, s *corev1.Secret) { s.Data["tls.key"] = []byte("garbage") })},
		{name: "key swapped", work: damage(1, swapped), short: true},
		{name: "the pair of another CA", work: damage(1, stranger)},
		{name: "the pair of another host", work: damage(1, func(s *scene, secret *corev1.Secret) { secret.Data = s.secretOf("shop-tls").Data })},
		{name: "label removed", work: damage(0, func(_ *scene, s *corev1.Secret) { s.Labels = nil })},
		{name: "annotations removed, except the certificate's name", work: damage(0, anonymous)},
		{name: "labels and annotations removed", work: damage(0, func(_ *scene, s *corev1.Secret) { s.Labels, s.Annotations = nil, nil })},
		{name: "a field added", work: damage(0, func(_ *scene, s *corev1.Secret) { s.Data["notes.txt"] = []byte("by hand") })},
		{name: "key swapped while Vault is down", work: damage(1, swapped), begin: stopped(vaultWire), hold: hold},
		{name: "deleted while the Admin API is down", work: deleteSecret, begin: both(stopped(adminWire), stopped(adminWire2)), hold: hold},
		{name: "deleted while no controller runs", work: deleteSecret, begin: away},
		{name: "key swapped while no controller runs", work: damage(1, swapped), begin: away},
		{name: "an older pair restored", work: restored},
	}
	for i := range rows {
		rows[i].part = "Secret"
		if rows[i].begin == nil {
			rows[i].begin = func(*scene) *trouble { return &trouble{} }
		}
	}
	return rows
}

func anonymous(_ *scene, secret *corev1.Secret) {
	secret.Annotations = map[string]string{v1alpha1.AnnotationCertificate: namespace + "/held"}
}

func swapped(s *scene, secret *corev1.Secret) {
	key, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	secret.Data["tls.key"] = key.PEM(certs.PKCS8)
}

// stranger puts in a pair that is whole, and nothing that the issuer has signed.
func stranger(s *scene, secret *corev1.Secret) {
	cert, key := newForger(s.T).pair(heldHost)
	secret.Data["tls.crt"], secret.Data["tls.key"] = []byte(cert), []byte(key)
}

// away has no controller while a Secret is changed.
func away(s *scene) *trouble {
	s.controller.Kill()
	return &trouble{end: func() { s.must(s.revive()) }}
}

// restored puts the pair of before a renewal back, as who restores a backup does: it is valid, and served.
func restored(s *scene) *job {
	old := s.secretOf("held")
	j := renewHeld(s)
	j.ask()
	s.until("a renewal", j.undone)
	s.until("order", s.disorder)
	return damage(1, func(_ *scene, secret *corev1.Secret) { secret.Data = old.Data })(s)
}
