// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestMigrateRotationPolicy: a Certificate without a rotation policy keeps the default of the cluster's cert-manager.
func TestMigrateRotationPolicy(t *testing.T) {
	for _, row := range []struct{ version, set, writes, says string }{
		{"v1.17.2", "", "rotationPolicy: Never", "# rotationPolicy: Never is the default of cert-manager v1.17.2."},
		{"v1.18.0", "", "", "The default is Always, as in cert-manager v1.18.0"},
		{"v2.0.1", "", "", "The default is Always, as in cert-manager v2.0.1"},
		{"", "", "", "The default is Always, as in cert-manager 1.18 and later; in older versions it is Never"},
		{"latest", "", "", "The default is Always, as in cert-manager 1.18 and later; in older versions it is Never"},
		{"v1.17.2", "Always", "rotationPolicy: Always", ""},
		{"v1.21.0", "Never", "rotationPolicy: Never", ""},
	} {
		key := map[string]any{}
		if row.set != "" {
			key["rotationPolicy"] = row.set
		}
		cert := unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": map[string]any{"name": "shop", "namespace": "shop"},
			"spec": map[string]any{"secretName": "t", "dnsNames": []any{"shop.example"}, "issuerRef": map[string]any{"name": "v"}, "privateKey": key},
		}}
		var out strings.Builder
		if err := migrate(&out, []unstructured.Unstructured{cert}, selection{}, row.version); err != nil {
			t.Fatal(err)
		}
		manifest := out.String()[strings.Index(out.String(), "apiVersion:"):]
		if strings.Contains(manifest, "rotationPolicy") != (row.writes != "") || !strings.Contains(manifest, row.writes) {
			t.Errorf("%q, %q: %s", row.version, row.set, manifest)
		}
		if says := strings.Contains(out.String(), "spec.privateKey.rotationPolicy") || strings.Contains(out.String(), "# rotationPolicy"); says != (row.says != "") || !strings.Contains(out.String(), row.says) {
			t.Errorf("%q, %q: %s", row.version, row.set, out.String())
		}
	}
}
