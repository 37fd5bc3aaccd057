// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBareCluster runs commands in a cluster without CRDs, and with credentials that it rejects.
func TestBareCluster(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		known := slices.Contains([]string{"/version", "/apis", "/api"}, r.URL.Path)
		if !known && status == http.StatusOK {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		switch {
		case status != http.StatusOK:
			fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":%d}`, status)
		case r.URL.Path == "/version":
			fmt.Fprint(w, `{"major":"1","minor":"37","gitVersion":"v1.37.2"}`)
		case r.URL.Path == "/apis":
			fmt.Fprint(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
		default:
			fmt.Fprint(w, `{"kind":"APIVersions","apiVersion":"v1","versions":[]}`)
		}
	}))
	defer server.Close()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q}}],`+
		`"contexts":[{"name":"x","context":{"cluster":"c"}}],"current-context":"x"}`, server.URL)
	if err := os.WriteFile(kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		status int
		args   string
		want   string
	}{
		{200, "status", "install the CRDs with kubectl apply -f manifests/crds or the Helm chart"},
		{200, "renew --all", "install the CRDs with kubectl apply"},
		{200, "migrate", "the CRDs of cert-manager are not installed in the cluster"},
		{401, "status", "rejected the credentials of the kubeconfig (log in again)"},
		{401, "check", "rejected the credentials of the kubeconfig (log in again)"},
	} {
		status = test.status
		var out, errOut bytes.Buffer
		code := run(t.Context(), append(append([]string{"apisix-certs"}, strings.Fields(test.args)...), "--kubeconfig", kubeconfig), nil, &out, &errOut)
		if code != exitFailed || !strings.Contains(errOut.String(), test.want) || strings.Count(errOut.String(), "\n") != 1 {
			t.Errorf("%s with %d: exit code %d, want 1 and one line with %q:\n%s", test.args, test.status, code, test.want, errOut.String())
		}
	}
}
