// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/policy"
)

// stubAPI is the part of a kube-apiserver that the commands need: it lists and returns its objects. TestCluster has a real
// kube-apiserver.
type stubAPI struct {
	*testing.T
	URL        string
	kubeconfig string
	// objects by the path of their list, such as "/apis/apisix-certs.io/v1alpha1/namespaces/shop/apisixcertificates".
	objects map[string][]map[string]any
	// patched changes the response to a patch. Nil: the response is the patched object.
	patched func(object map[string]any)

	mu       sync.Mutex
	requests []*http.Request
}

// stubKinds are the resources by group and version.
var stubKinds = map[string]map[string]string{
	"v1":                       {"namespaces": "Namespace", "secrets": "Secret", "events": "Event", "serviceaccounts": "ServiceAccount"},
	"apisix-certs.io/v1alpha1": {"apisixcertificates": "ApisixCertificate", "vaultissuers": "VaultIssuer", "clustervaultissuers": "ClusterVaultIssuer", "certificatepolicies": "CertificatePolicy"},
	"cert-manager.io/v1":       {"certificates": "Certificate", "issuers": "Issuer", "clusterissuers": "ClusterIssuer"},
	"authentication.k8s.io/v1": {"selfsubjectreviews": "SelfSubjectReview"},
	"apps/v1":                  {"deployments": "Deployment"},
	"coordination.k8s.io/v1":   {"leases": "Lease"},
	"networking.k8s.io/v1":     {"ingresses": "Ingress"},
	"apiextensions.k8s.io/v1":  {"customresourcedefinitions": "CustomResourceDefinition"},
}

func clusterScoped(kind string) bool {
	return slices.Contains([]string{"Namespace", "ClusterVaultIssuer", "ClusterIssuer", "CertificatePolicy", "SelfSubjectReview", "CustomResourceDefinition"}, kind)
}

func newStubAPI(t *testing.T) *stubAPI {
	s := &stubAPI{T: t, objects: map[string][]map[string]any{}}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	s.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","clusters":[{"name":"c","cluster":{"server":%q,"insecure-skip-tls-verify":true}}],"users":[{"name":"u","user":{}}],`+
		`"contexts":[{"name":"x","context":{"cluster":"c","user":"u","namespace":"shop"}}],"current-context":"x"}`, server.URL)
	if err := os.WriteFile(s.kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// add adds an object in JSON.
func (s *stubAPI) add(text string) {
	s.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		s.Fatal(err)
	}
	meta := object["metadata"].(map[string]any)
	meta["resourceVersion"] = "7"
	resource, version := "", object["apiVersion"].(string)
	for name, kind := range stubKinds[version] {
		if kind == object["kind"] {
			resource = name
		}
	}
	folder := "/apis/" + version
	if version == "v1" {
		folder = "/api/v1"
	}
	if namespace, ok := meta["namespace"].(string); ok {
		s.objects[folder+"/namespaces/"+namespace+"/"+resource] = append(s.objects[folder+"/namespaces/"+namespace+"/"+resource], object)
	}
	s.objects[folder+"/"+resource] = append(s.objects[folder+"/"+resource], object)
}

func (s *stubAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	w.Header().Set("Content-Type", "application/json")
	response, code := s.response(r)
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(response); err != nil {
		s.Error(err)
	}
}

func (s *stubAPI) response(r *http.Request) (any, int) {
	version := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/apis/"), "/api/")
	switch kinds := stubKinds[version]; {
	case r.URL.Path == "/version":
		return map[string]any{"major": "1", "minor": "37", "gitVersion": "v1.37.2"}, http.StatusOK
	case r.URL.Path == "/api":
		return map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}, http.StatusOK
	case r.URL.Path == "/apis":
		return map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": stubGroups()}, http.StatusOK
	case kinds != nil:
		var resources []map[string]any
		for name, kind := range kinds {
			resources = append(resources, map[string]any{"name": name, "kind": kind, "namespaced": !clusterScoped(kind), "verbs": []string{"list", "get", "watch", "patch"}})
		}
		return map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}, http.StatusOK
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		return map[string]any{"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "status": map[string]any{"userInfo": map[string]any{"username": "jane"}}}, http.StatusCreated
	}
	return s.object(r)
}

func stubGroups() []map[string]any {
	var groups []map[string]any
	for _, version := range slices.Sorted(maps.Keys(stubKinds)) {
		if group, v, ok := strings.Cut(version, "/"); ok {
			one := map[string]any{"groupVersion": version, "version": v}
			groups = append(groups, map[string]any{"name": group, "versions": []any{one}, "preferredVersion": one})
		}
	}
	return groups
}

// object returns a list or an object.
func (s *stubAPI) object(r *http.Request) (any, int) {
	file := strings.TrimSuffix(r.URL.Path, "/status")
	for _, object := range s.objects[path.Dir(file)] {
		if object["metadata"].(map[string]any)["name"] != path.Base(file) {
			continue
		}
		if r.Method == http.MethodPatch {
			return s.patch(object, r.Body), http.StatusOK
		}
		return object, http.StatusOK
	}
	resource := path.Base(file)
	folder := strings.TrimPrefix(strings.TrimPrefix(file, "/apis/"), "/api/")
	for version, kinds := range stubKinds {
		if kinds[resource] != "" && strings.HasPrefix(folder, version+"/") {
			return map[string]any{"kind": kinds[resource] + "List", "apiVersion": version, "metadata": map[string]any{"resourceVersion": "9"}, "items": slices.Concat([]map[string]any{}, s.objects[file])}, http.StatusOK
		}
	}
	return map[string]any{
		"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
		"message": fmt.Sprintf("%s %q not found", path.Base(path.Dir(file)), path.Base(file)),
	}, http.StatusNotFound
}

// patch merges one level of status and metadata. The commands patch nothing else.
func (s *stubAPI) patch(object map[string]any, body io.Reader) map[string]any {
	var patch map[string]map[string]any
	if err := json.NewDecoder(body).Decode(&patch); err != nil {
		s.Error(err)
	}
	copied := maps.Clone(object)
	for field, values := range patch {
		inner, _ := copied[field].(map[string]any)
		inner = maps.Clone(inner)
		if inner == nil {
			inner = map[string]any{}
		}
		maps.Copy(inner, values)
		copied[field] = inner
	}
	if s.patched != nil {
		s.patched(copied)
	}
	return copied
}

// command runs a command line, with the kubeconfig of this server.
func (s *stubAPI) command(args ...string) result {
	s.Helper()
	s.Setenv("KUBECONFIG", s.kubeconfig)
	return runAs(s.Context(), append([]string{"apisix-certs"}, args...)...)
}

func runAs(ctx context.Context, args ...string) result {
	var out, errOut bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &out, &errOut)
	return result{code, out.String(), errOut.String()}
}

// certificateJSON returns an ApisixCertificate in namespace shop. extra is added to its status.
func certificateJSON(name, hosts, extra string) string {
	return fmt.Sprintf(`{"apiVersion":"apisix-certs.io/v1alpha1","kind":"ApisixCertificate","metadata":{"name":%q,"namespace":"shop","uid":"u-%s","creationTimestamp":"2026-01-01T00:00:00Z"},
		"spec":{"secretName":"%s-tls","dnsNames":%s,"issuerRef":{"name":"vault"}},
		"status":{"issued":{"serialNumber":"0a","notAfter":"2099-01-01T00:00:00Z"}%s}}`, name, name, name, hosts, extra)
}

const readyJSON = `,"conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"all is well","lastTransitionTime":"2026-01-01T00:00:00Z"},` +
	`{"type":"Pushed","status":"True","reason":"Pushed","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"},` +
	`{"type":"Served","status":"True","reason":"Served","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]`

// waitingJSON returns a certificate that waits for approval.
func waitingJSON(t *testing.T) string {
	cert := &v1alpha1.ApisixCertificate{}
	if err := json.Unmarshal([]byte(certificateJSON("waits", `["waits.example.com"]`, "")), cert); err != nil {
		t.Fatal(err)
	}
	return certificateJSON("waits", `["waits.example.com"]`, fmt.Sprintf(`,"approvalRequest":{"policy":"p","digest":%q}`, policy.Digest(cert)))
}
