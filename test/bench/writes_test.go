// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/test/servers"
)

// TestWriteCosts measures what one write of a renewal costs the API server, one change at a time: verbs, the CRD's rules, the
// size of the status, a watch. Decision 33 is made on these figures.
func TestWriteCosts(t *testing.T) {
	if os.Getenv("APISIX_CERTS_MEASURES") != "long" {
		t.Skip("a minute of measuring: APISIX_CERTS_MEASURES=long")
	}
	servers.Need(t)
	for _, crds := range []struct {
		name string
		edit func(version map[string]any)
	}{
		{"as it is", func(map[string]any) {}},
		{"no CEL", func(version map[string]any) { dropRules(version) }},
		{"no schema", func(version map[string]any) {
			version["schema"] = map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
		}},
	} {
		t.Run(crds.name, func(t *testing.T) { measureWrites(t, crds.name, crdWith(t, crds.edit), crds.name == "as it is") })
	}
}

// crdWith is a file with the CRD of ApisixCertificates after the edit.
func crdWith(t *testing.T, edit func(version map[string]any)) string {
	t.Helper()
	data, err := os.ReadFile("../../manifests/crds/apisix-certs.io_apisixcertificates.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	for _, version := range crd["spec"].(map[string]any)["versions"].([]any) {
		edit(version.(map[string]any))
	}
	if data, err = yaml.Marshal(crd); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "crd.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func dropRules(in any) {
	switch in := in.(type) {
	case map[string]any:
		delete(in, "x-kubernetes-validations")
		for _, value := range in {
			dropRules(value)
		}
	case []any:
		for _, value := range in {
			dropRules(value)
		}
	}
}

// writeCount is how many objects each figure is the mean of.
const writeCount = 400

func measureWrites(t *testing.T, name, crd string, secrets bool) {
	kube, err := servers.StartKube(t.Context(), servers.KubeOptions{CRDs: []string{crd}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kube.Stop() })
	config := rest.CopyConfig(kube.Config)
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{options: options{workers: 8}}
	all := make([]*v1alpha1.ApisixCertificate, writeCount)
	pairs := make([]*corev1.Secret, writeCount)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1 << 60), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	for i := range all {
		all[i] = &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: secretNameOf(i)}, Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: secretNameOf(i), DNSNames: []string{hostOf(i)}, IssuerRef: v1alpha1.IssuerReference{Name: issuerName},
		}}
		pairs[i] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: secretNameOf(i)}, Type: corev1.SecretTypeTLS,
			Data: map[string][]byte{"tls.crt": []byte(strings.Repeat("a", 2400)), "tls.key": []byte(strings.Repeat("b", 240)), "ca.crt": []byte(strings.Repeat("c", 1200))}}
	}
	round := 0
	measure := func(what string, do func(ctx context.Context, i int) error) {
		t.Helper()
		round++
		before := cpuByProcess()[apiServerName]
		if err := w.parallel(t.Context(), what, writeCount, w.options.workers, do); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		spent := cpuByProcess()[apiServerName] - before
		t.Logf("measure: api_server_cost crd=%q write=%q ms=%.2f", name, what, float64(spent.Microseconds())/1000/writeCount)
	}
	statusAt := func(i int) v1alpha1.ApisixCertificateStatus {
		status := statusOf(&floorCert{object: all[i], host: hostOf(i)}, leaf)
		status.Issued.Fingerprint = fmt.Sprintf("%064x", round)
		return status
	}
	measure("create the certificate", func(ctx context.Context, i int) error { return c.Create(ctx, all[i]) })
	updateStatus := func(ctx context.Context, i int) error {
		all[i].Status = statusAt(i)
		return c.Status().Update(ctx, all[i])
	}
	measure("update of the first status", updateStatus)
	measure("update of the status", updateStatus)
	measure("merge patch of the status", func(ctx context.Context, i int) error {
		before := all[i].DeepCopy()
		all[i].Status = statusAt(i)
		return c.Status().Patch(ctx, all[i], client.MergeFrom(before))
	})
	measure("update of a status of half the size", func(ctx context.Context, i int) error {
		status := statusAt(i)
		status.Conditions, status.Gateways, status.References = status.Conditions[:1], nil, nil
		all[i].Status = status
		return c.Status().Update(ctx, all[i])
	})
	measure("merge patch of an annotation", func(ctx context.Context, i int) error {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"a":"%d"}}}`, round)
		return c.Patch(ctx, all[i], client.RawPatch("application/merge-patch+json", patch))
	})
	measure("get", func(ctx context.Context, i int) error {
		return c.Get(ctx, client.ObjectKeyFromObject(all[i]), &v1alpha1.ApisixCertificate{})
	})
	for watches := range 2 {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		watch, err := c.Watch(ctx, &v1alpha1.ApisixCertificateList{})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range watch.ResultChan() {
			}
		}()
		measure(fmt.Sprintf("update of the status, %d watches", watches+1), updateStatus)
	}
	if !secrets {
		return
	}
	change := func(i int) { pairs[i].Data["tls.key"] = []byte(strings.Repeat("b", 240) + fmt.Sprint(round)) }
	measure("create the Secret", func(ctx context.Context, i int) error { return c.Create(ctx, pairs[i]) })
	measure("update of the Secret", func(ctx context.Context, i int) error {
		change(i)
		return c.Update(ctx, pairs[i])
	})
	measure("merge patch of the Secret", func(ctx context.Context, i int) error {
		before := pairs[i].DeepCopy()
		change(i)
		return c.Patch(ctx, pairs[i], client.MergeFrom(before))
	})
	measure("apply of the Secret", func(ctx context.Context, i int) error {
		change(i)
		applied := pairs[i].DeepCopy()
		applied.ManagedFields, applied.ResourceVersion, applied.UID = nil, "", ""
		applied.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		return c.Patch(ctx, applied, client.Apply, client.ForceOwnership, client.FieldOwner("bench")) //nolint:staticcheck // what it costs is measured
	})
	measure("get of the Secret", func(ctx context.Context, i int) error {
		return c.Get(ctx, client.ObjectKeyFromObject(pairs[i]), &corev1.Secret{})
	})
}
