// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// With --metrics-secure only who may get /metrics reads them, by https. The controller of the test has no namespaces, and the
// rights that the chart adds.
func TestMetricsSecure(t *testing.T) {
	s := newScene(t)
	s.grant("access", rbacv1.Subject{Kind: "ServiceAccount", Namespace: "apisix-certs", Name: "apisix-certs"},
		rbacv1.PolicyRule{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
		rbacv1.PolicyRule{APIGroups: []string{"authorization.k8s.io"}, Resources: []string{"subjectaccessreviews"}, Verbs: []string{"create"}})
	c, err := s.StartController(t.Context(), s.binary, io.MultiWriter(s.log, s.witness),
		"--metrics-secure", "--namespace-selector", "metrics-secure=none", "--lease-name", "metrics-secure")
	s.must(err)
	t.Cleanup(c.Kill)
	url := strings.Replace(c.MetricsURL, "http://", "https://", 1) + "/metrics"
	reader, stranger := s.account("reader"), s.account("stranger")
	s.grant("metrics-reader", rbacv1.Subject{Kind: "ServiceAccount", Namespace: s.ns, Name: "reader"},
		rbacv1.PolicyRule{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}})
	s.until("the port of the metrics", func() string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.MetricsURL, "http://"))
		if err != nil {
			return err.Error()
		}
		conn.Close()
		return ""
	})
	for _, c := range []struct {
		name, token string
		want        int
		says        string
	}{
		{"no token", "", http.StatusUnauthorized, "a Kubernetes bearer token is required"},
		{"made-up token", "made-up", http.StatusUnauthorized, "the bearer token is not valid"},
		{"no right", stranger, http.StatusForbidden, "stranger is not allowed to get /metrics"},
		{"the right", reader, http.StatusOK, "apisix_certs_limit_waits_total"},
	} {
		if status, text := s.get(url, c.token); status != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: status %d, %.200q", c.name, status, text)
		}
	}
	if answer, err := http.Get(c.MetricsURL + "/metrics"); err == nil && answer.StatusCode == http.StatusOK {
		t.Error("served by http")
	}
	s.must(c.Stop())
}

// account makes a ServiceAccount and gives a token of it.
func (s *scene) account(name string) string {
	s.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name}}
	s.must(s.Client.Create(s.Context(), account))
	request := &authenticationv1.TokenRequest{}
	s.must(s.Client.SubResource("token").Create(s.Context(), account, request))
	s.witness.Guard(request.Status.Token)
	return request.Status.Token
}

// grant binds a ClusterRole of these rules, of the scene, to a subject.
func (s *scene) grant(name string, to rbacv1.Subject, rules ...rbacv1.PolicyRule) {
	s.Helper()
	meta := metav1.ObjectMeta{Name: s.ns + "-" + name}
	s.must(s.Client.Create(s.Context(), &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}))
	s.must(s.Client.Create(s.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name}, Subjects: []rbacv1.Subject{to},
	}))
}

// get reads a page with a token, whatever certificate the server has.
func (s *scene) get(url, token string) (int, string) {
	s.Helper()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer c.CloseIdleConnections()
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, nil)
	s.must(err)
	if token != "" {
		request.Header.Set("Authorization", fmt.Sprintf("Bearer %s", token))
	}
	answer, err := c.Do(request)
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	return answer.StatusCode, string(text)
}
