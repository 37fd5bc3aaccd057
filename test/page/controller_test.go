// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// refused is a certificate that Vault's role does not allow.
const refused = `
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: refused, namespace: default}
spec: {secretName: refused-tls, issuerRef: {name: vault-issuer}, dnsNames: [shop.example.com]}
`

// readers are ServiceAccounts, of which one may read what the page shows.
const readers = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: stranger, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: page-reader}
rules:
  - {apiGroups: [apisix-certs.io], resources: [apisixcertificates, vaultissuers, clustervaultissuers], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: page-reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: page-reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
`

// delegator lets the controller ask who may read.
const delegator = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: page-delegator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:auth-delegator"}
subjects: [{kind: ServiceAccount, name: apisix-certs, namespace: apisix-certs}]
`

// whole is a cluster with a controller that leads and shows its page on localhost, and one that stands by and shows it to
// those who bear a token.
type whole struct {
	*testing.T
	*cluster.Cluster
	local, exposed string // addresses
}

func newWhole(t *testing.T) *whole {
	t.Helper()
	servers.Need(t)
	binary, err := cluster.Binary(t.Context())
	must(t, err)
	t.Cleanup(cluster.RemoveBinary)
	c, err := cluster.Start(t.Context(), cluster.Options{})
	must(t, err)
	t.Cleanup(c.Stop)
	w := &whole{T: t, Cluster: c, local: freeAddr(t, "127.0.0.1"), exposed: freeAddr(t, "0.0.0.0")}
	for _, address := range []string{w.local, w.exposed} {
		controller, err := c.StartController(t.Context(), binary, io.Discard, "--page-bind-address", address)
		must(t, err)
		t.Cleanup(controller.Kill)
	}
	must(t, c.ApplyFile(t.Context(), "samples/issuer.yaml"))
	must(t, c.ApplyFile(t.Context(), "samples/certificate.yaml"))
	must(t, c.Apply(t.Context(), "refused", []byte(refused)))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freeAddr(t *testing.T, host string) string {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	must(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	must(t, err)
	return net.JoinHostPort(host, port)
}

// The page of a real controller, with real objects.
func TestRealController(t *testing.T) {
	w := newWhole(t)
	t.Run("in the browser", w.inBrowser)
	t.Run("exposed", w.readers)
}

func (w *whole) inBrowser(t *testing.T) {
	o := newTabAt(t, "http://"+w.local)
	o.open("")
	o.wantHosts("shop.example.com", "www.moelove.info, +1")
	o.wait(`document.querySelector('#rows .row[data-state="ok"] .mark-text')?.textContent === 'served'`)
	if have := o.text(`#rows .row[data-state="failing"] .c-reason`); !strings.HasPrefix(have, "Refused ") {
		t.Errorf("the reason is %q", have)
	}
	if have := o.text("#issuers .pill-name"); have != "default/vault-issuer" {
		t.Errorf("issuer %q", have)
	}
	o.shot("controller")
	must(t, w.Client.Delete(t.Context(), &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "refused"}}))
	o.wantHosts("www.moelove.info, +1")
}

// asked is what the exposed page answers to a token, with status and beginning of the body.
func (w *whole) asked(ctx context.Context, t *testing.T, path, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.exposed+path, nil)
	must(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(body)
}

func (w *whole) readers(t *testing.T) {
	must(t, w.Apply(t.Context(), "readers", []byte(readers)))
	tokens := map[string]string{"": "", "made up": "made-up"}
	for _, name := range []string{"reader", "stranger"} {
		token, err := w.Kube.Token(t.Context(), "default", name)
		must(t, err)
		tokens[name] = token
	}
	if status, _ := w.asked(t.Context(), t, "/page/", tokens["reader"]); status != http.StatusServiceUnavailable {
		t.Errorf("a controller that may not ask who reads answers %d", status)
	}
	must(t, w.Apply(t.Context(), "delegator", []byte(delegator)))
	w.untilAllowed(t, tokens["reader"])
	for _, c := range []struct {
		token, path string
		status      int
		says        string
	}{
		{"", "/page/", 401, "bearer token is required"},
		{"made up", "/page/snapshot", 401, "the bearer token is not valid"},
		{"stranger", "/page/snapshot", 403, "system:serviceaccount:default:stranger is not allowed to list apisixcertificates.apisix-certs.io in all namespaces"},
		{"stranger", "/page/events", 403, ""},
		{"reader", "/page/", 200, "<!doctype html>"},
		{"reader", "/page/snapshot", 200, `"name":"moelove-info"`},
	} {
		if status, body := w.asked(t.Context(), t, c.path, tokens[c.token]); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%q asks for %s: %d %.200s", c.token, c.path, status, body)
		}
	}
}

// untilAllowed waits until the API server goes by the new binding.
func (w *whole) untilAllowed(t *testing.T, token string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if status, _ := w.asked(t.Context(), t, "/page/", token); status == http.StatusOK {
			return
		}
	}
	t.Error("the reader is never let in")
}
