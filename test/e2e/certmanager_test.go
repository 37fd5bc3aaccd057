// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// certManager is the version whose CRDs are installed, from the module cache: it is no part of the build.
const certManager = "github.com/cert-manager/cert-manager@v1.21.2"

var certManagerCRDs struct {
	sync.Once
	err error
}

// withCertManager installs cert-manager's CRDs while the controller runs. cert-manager itself does not run: tests play
// its approver and its signers.
func withCertManager(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	certManagerCRDs.Do(func() { certManagerCRDs.err = s.installCertManager(context.Background()) })
	s.must(certManagerCRDs.err)
	return s
}

func (w *world) installCertManager(ctx context.Context) error {
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", certManager)
	download.Dir = os.TempDir() // outside of this module, which it must not change
	out, err := download.Output()
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return err
	}
	for _, kind := range []string{"issuers", "clusterissuers", "certificaterequests"} {
		data, err := os.ReadFile(filepath.Join(module.Dir, "deploy", "crds", "cert-manager.io_"+kind+".yaml"))
		if err != nil {
			return err
		}
		if err := w.Apply(ctx, kind, data); err != nil {
			return err
		}
	}
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		return w.Client.List(ctx, requestList()) == nil, nil // not served yet
	})
}

func requestList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "CertificateRequestList"})
	return list
}

// foreign applies an issuer of cert-manager, which may have to wait for its CRD to be served.
func (s *scene) foreign(yaml string) {
	s.Helper()
	s.until("issuer of cert-manager", func() string {
		if err := s.Apply(s.Context(), s.Name(), []byte(strings.ReplaceAll(s.text(yaml), "$vault", s.vault.URL))); err != nil {
			return err.Error()
		}
		return ""
	})
}

// by names an issuer of cert-manager.
func by(kind, name string) func(*v1alpha1.ApisixCertificate) {
	return func(c *v1alpha1.ApisixCertificate) {
		c.Spec.IssuerRef = v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Kind: kind, Name: name}
	}
}

// requests are the CertificateRequests of the scene.
func (s *scene) requests() []unstructured.Unstructured {
	s.Helper()
	list := requestList()
	s.must(s.Client.List(s.Context(), list, client.InNamespace(s.ns)))
	return list.Items
}

// request waits for a CertificateRequest that is not the one with this name.
func (s *scene) request(but string) *unstructured.Unstructured {
	s.Helper()
	var found *unstructured.Unstructured
	s.until("CertificateRequest", func() string {
		for _, r := range s.requests() {
			if r.GetName() != but {
				found = &r
				return ""
			}
		}
		return "there is none"
	})
	return found
}

// answer adds to a request's status, as approvers and signers do.
func (s *scene) answer(request *unstructured.Unstructured, certificate, ca string, conditions ...string) {
	s.Helper()
	s.must(s.Client.Get(s.Context(), client.ObjectKeyFromObject(request), request))
	before := request.DeepCopy()
	list, _, _ := unstructured.NestedSlice(request.Object, "status", "conditions")
	for _, c := range conditions { // TYPE=STATUS/REASON/MESSAGE
		kind, rest, _ := strings.Cut(c, "=")
		parts := strings.SplitN(rest, "/", 3)
		list = append(list, map[string]any{"type": kind, "status": parts[0], "reason": parts[1], "message": parts[2], "lastTransitionTime": time.Now().UTC().Format(time.RFC3339)})
	}
	s.must(unstructured.SetNestedSlice(request.Object, list, "status", "conditions"))
	for field, text := range map[string]string{"certificate": certificate, "ca": ca} {
		if text != "" {
			s.must(unstructured.SetNestedField(request.Object, base64.StdEncoding.EncodeToString([]byte(text)), "status", field))
		}
	}
	s.must(s.Client.Status().Patch(s.Context(), request, client.MergeFrom(before)))
}

// sign has the real CA sign a request's CSR.
func (s *scene) sign(request *unstructured.Unstructured) (certificate, ca string) {
	s.Helper()
	text, _, _ := unstructured.NestedString(request.Object, "spec", "request")
	csr, err := base64.StdEncoding.DecodeString(text)
	s.must(err)
	return s.signCSR(string(csr))
}

func (s *scene) signCSR(csr string) (certificate, ca string) {
	s.Helper()
	answer, err := s.Vault.Client().Logical().WriteWithContext(s.Context(), "pki/sign-verbatim", map[string]any{"csr": csr, "ttl": "1h"})
	s.must(err)
	return answer.Data["certificate"].(string), answer.Data["issuing_ca"].(string)
}

const (
	approved = "Approved=True/cert-manager.io/Certificate request has been approved by cert-manager.io"
	issued   = "Ready=True/Issued/Certificate fetched from issuer successfully"
)

const foreignVault = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: theirs, namespace: $ns}
spec:
  vault:
    server: $vault
    path: pki/sign/moelove-dot-info
    auth: {tokenSecretRef: {name: vault-token, key: token}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: $ns}
spec:
  vault:
    server: $vault
    path: pki/sign/moelove-dot-info
    auth: {tokenSecretRef: {name: $ns, key: token}}
`

// TestForeignVault uses issuers of type vault directly, with the credentials where cert-manager has them.
func TestForeignVault(t *testing.T) {
	t.Parallel()
	s := withCertManager(t)
	token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apisix-certs", Name: s.ns}, StringData: map[string]string{"token": s.token}}
	s.must(s.Client.Create(t.Context(), token))
	s.foreign(foreignVault)
	t.Cleanup(func() {
		cluster := &unstructured.Unstructured{}
		cluster.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "ClusterIssuer"})
		cluster.SetName(s.ns)
		_ = s.Client.Delete(context.Background(), cluster)
		_ = s.Client.Delete(context.Background(), token)
	})
	s.certificate("one", []string{"one." + s.domain}, by("Issuer", "theirs"))
	s.certificate("two", []string{"two." + s.domain}, by("ClusterIssuer", s.ns))
	s.apply(strings.Replace(strings.ReplaceAll(tlsYAML, "web", "three"), "{apisix-certs.io/issuer: vault}", "{apisix-certs.io/issuer: theirs, apisix-certs.io/issuer-group: cert-manager.io}", 1))
	for name, host := range map[string]string{"one": "one.", "two": "two.", "three-tls": "three."} {
		s.ready(name, host+s.domain)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d CertificateRequests were made", n)
	}
}

const foreignCA = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: ca, namespace: $ns}
spec: {ca: {secretName: ca}}
`

// TestCertificateRequest goes the whole way of a request, over a restart of the controller between request and answer.
func TestCertificateRequest(t *testing.T) {
	s := withCertManager(t)
	s.foreign(foreignCA)
	host := "web." + s.domain
	s.certificate("web", []string{host}, by("Issuer", "ca"), func(c *v1alpha1.ApisixCertificate) {
		c.Spec.Duration = &metav1.Duration{Duration: time.Hour}
		c.Spec.PrivateKey = &v1alpha1.PrivateKey{Algorithm: "RSA"}
	})
	request := s.request("")
	want := map[string]any{"isCA": false, "duration": "1h0m0s", "issuerRef": map[string]any{"group": "cert-manager.io", "kind": "Issuer", "name": "ca"}}
	spec := request.Object["spec"].(map[string]any)
	for field, value := range want {
		a, _ := json.Marshal(spec[field])
		b, _ := json.Marshal(value)
		if string(a) != string(b) {
			t.Errorf("spec.%s is %s, want %s", field, a, b)
		}
	}
	s.condition("web", v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonIssuing, "waiting for the CertificateRequest to be approved")
	if !metav1.IsControlledBy(request, s.cert("web")) || s.keptSecret("web-tls") != nil {
		t.Error("the request has another owner, or a Secret is there before it is answered")
	}

	certificate, ca := s.sign(request)
	s.answer(request, certificate, ca, issued)
	time.Sleep(300 * time.Millisecond)
	if s.keptSecret("web-tls") != nil {
		t.Error("a certificate was taken that nobody had approved")
	}
	s.controller.Kill()
	s.must(s.ExpireLease(t.Context()))
	s.must(s.startController(t.Context()))
	s.answer(request, "", "", approved)
	leaf := s.ready("web", host)
	if text := certs.Serial(leaf); !strings.Contains(strings.ReplaceAll(certificate, "\n", ""), strings.ReplaceAll(strings.TrimSpace(string(certs.EncodeCertificates(leaf))), "\n", "")) {
		t.Errorf("the certificate %s is not the one of the request", text)
	}
	s.until("clean-up", func() string {
		secrets := &corev1.SecretList{}
		s.must(s.Client.List(t.Context(), secrets, client.InNamespace(s.ns)))
		if len(secrets.Items) != 2 || len(s.requests()) != 0 {
			return "a key or a request is left"
		}
		return ""
	})

	s.renew("web")
	request = s.request(request.GetName())
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	s.answer(request, "", "", approved)
	s.stillServed(host, leaf)
	certificate, ca = s.sign(request)
	s.answer(request, certificate, ca, issued)
	s.readyBut("web", certs.Serial(leaf), host)
}

// TestCertificateRequestRefused shows denials, failures and bad answers, each of which leaves what is served as it is.
func TestCertificateRequestRefused(t *testing.T) {
	t.Parallel()
	s := withCertManager(t)
	s.foreign(foreignCA)
	host := "web." + s.domain
	s.certificate("web", []string{host}, by("Issuer", "ca"))
	first := s.request("")
	s.answer(first, "", "", "Denied=True/example.com/names of another team", "Ready=False/Denied/The CertificateRequest was denied")
	s.refused("web", v1alpha1.ReasonDenied, "was denied", "names of another team")

	s.renew("web")
	second := s.request(first.GetName())
	other, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	csr, err := certs.CreateRequest(certs.Spec{DNSNames: []string{host}}, other)
	s.must(err)
	certificate, ca := s.signCSR(string(csr))
	s.answer(second, certificate, ca, approved, issued)
	s.refused("web", v1alpha1.ReasonInvalidResponse, "for a different key")

	third := s.request(second.GetName()) // after the backoff, by itself
	s.answer(third, "", "", approved, "Ready=False/Failed/the signer has gone")
	s.refused("web", v1alpha1.ReasonIssueFailed, "the signer has gone")
	if s.keptSecret("web-tls") != nil {
		t.Error("a Secret was written")
	}
	fourth := s.request(third.GetName())
	s.answer(fourth, "", "", approved, "InvalidRequest=True/Invalid/no such profile")
	s.refused("web", v1alpha1.ReasonRefused, "no such profile")
}

// TestExternalIssuer: an issuer of a group that nobody here knows is asked through a CertificateRequest, and never read.
func TestExternalIssuer(t *testing.T) {
	t.Parallel()
	s := withCertManager(t)
	const group, kind = "awspca.cert-manager.io", "AWSPCAIssuer"
	host := "web." + s.domain
	s.apply(strings.NewReplacer("$group", group, "$kind", kind).Replace(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  namespace: $ns
  name: web
  annotations: {apisix-certs.io/issuer: pca, apisix-certs.io/issuer-kind: $kind, apisix-certs.io/issuer-group: $group}
spec:
  rules: [{host: web.$domain}]
  tls: [{hosts: [web.$domain], secretName: web-tls}]
`))
	request := s.request("")
	ref := request.Object["spec"].(map[string]any)["issuerRef"].(map[string]any)
	if ref["group"] != group || ref["kind"] != kind || ref["name"] != "pca" {
		t.Errorf("issuerRef %v", ref)
	}
	certificate, ca := s.sign(request)
	s.answer(request, certificate, ca, approved, issued)
	leaf := s.ready("web-tls", host)
	if by := s.keptSecret("web-tls").Annotations[v1alpha1.AnnotationIssuedBy]; by != kind+"."+group+"/pca" {
		t.Errorf("issued by %q", by)
	}
	s.stillServed(host, leaf)
	for _, bad := range []v1alpha1.IssuerReference{{Name: "x", Group: group}, {Name: "x", Group: "No Group", Kind: kind}, {Name: "x", Group: group, Kind: "a b"}} {
		cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "bad"}, Spec: v1alpha1.ApisixCertificateSpec{SecretName: "bad", IssuerRef: bad, DNSNames: []string{host}}}
		if err := s.Client.Create(t.Context(), cert); err == nil || !strings.Contains(err.Error(), "spec.issuerRef") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
