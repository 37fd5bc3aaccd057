// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// scene is a certificate "c" for a.example in Secret "s", one gateway in mode own, and an issuer "vault" that is a Vault.
type scene struct {
	*Stores
	input   Input
	target  gateway.Target // of the certificate in the Secret
	cert    *v1alpha1.ApisixCertificate
	gateway *gateway.Gateway
	standIn *apisixtest.Server
	vault   *kvVault
	issuers *issuers
	secrets secrets
	ca      *certstest.CA
	t       testing.TB
}

func newScene(t testing.TB, storage v1alpha1.KeyStorage) *scene {
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
	}}
	cert.Namespace, cert.Name, cert.UID = "ns", "c", "uid-c"
	s := &scene{t: t, cert: cert, secrets: secrets{}, ca: certstest.NewCA(t, "root", time.Now().Add(100*time.Hour)), vault: newVault(t)}
	s.newGateway()
	issuer := &v1alpha1.VaultIssuer{Spec: v1alpha1.VaultIssuerSpec{Server: s.vault.URL + "/"}}
	issuer.Namespace, issuer.Name = "ns", "vault"
	s.issuers = &issuers{t: t, byName: map[string]v1alpha1.Issuer{"VaultIssuer/vault": issuer}, sessions: map[string]*vault.Session{}}
	s.Stores = &Stores{Live: s.secrets, Issuers: s.issuers}
	s.input = Input{Certificate: cert, Issuer: issuer, Gateways: []*gateway.Gateway{s.gateway}}
	s.want(storage)
	s.token("reads")
	return s
}

// want changes where the spec wants the key.
func (s *scene) want(storage v1alpha1.KeyStorage) {
	s.cert.Spec.KeyStorage, s.cert.Spec.VaultKV = storage, nil
	if storage == v1alpha1.KeyInVaultKV {
		s.cert.Spec.VaultKV = &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "token"}}
	}
}

// token is what the Secret has with which the gateway reads.
func (s *scene) token(text string) {
	s.secrets["ns/token"] = &corev1.Secret{Data: map[string][]byte{"token": []byte(text)}}
}

func (s *scene) newGateway() {
	s.t.Helper()
	standIn, err := apisixtest.NewServer(apisixtest.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(standIn.Close)
	admin, err := apisix.New(apisix.Options{Endpoints: []string{standIn.AdminURL()}, AdminKey: apisix.StaticKey(standIn.AdminKey()), Timeout: 2 * time.Second})
	if err != nil {
		s.t.Fatal(err)
	}
	s.standIn = standIn
	s.gateway = &gateway.Gateway{Name: "default", Admin: admin, TLSAddrs: []string{standIn.TLSAddr()}, Mode: gateway.ModeOwn, Cluster: "blue", Clock: clock.RealClock{}}
}

// issue keeps the key of a new certificate and writes the Secret, as the controller does.
func (s *scene) issue() {
	s.t.Helper()
	leaf, keyPEM := s.newKey()
	key := []byte(keyPEM)
	fingerprint := certs.Fingerprint(leaf)
	if err := s.Save(s.t.Context(), s.input, fingerprint, certstest.PEM(leaf), key); err != nil {
		s.t.Fatal(err)
	}
	state := s.observe()
	secret := &corev1.Secret{Type: SecretType(s.input.Certificate), Data: map[string][]byte{corev1.TLSCertKey: certstest.PEM(leaf)}}
	if !state.Outside {
		secret.Data[corev1.TLSPrivateKeyKey] = key
	}
	if mark := state.Mark(); mark != "" {
		secret.Annotations = map[string]string{v1alpha1.AnnotationVaultKV: mark}
	}
	s.input.Secret = secret
	s.target = gateway.Target{
		Namespace: "ns", Name: "c", UID: "uid-c", SecretNamespace: "ns", SecretName: "s", Hosts: s.cert.Spec.DNSNames,
		Pair: gateway.Pair{Cert: certstest.PEM(leaf), Fingerprint: fingerprint, Serial: certs.Serial(leaf)},
	}
	s.cert.Status.KeyLocations = s.observe().Locations
}

// newKey is a certificate for the hosts, with its key in PEM.
func (s *scene) newKey() (leaf *x509.Certificate, keyPEM string) {
	s.t.Helper()
	leaf, key := s.ca.Pair(s.t, &x509.Certificate{DNSNames: s.cert.Spec.DNSNames, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)})
	return leaf, string(key)
}

func (s *scene) observe() State { return s.observeServed(true) }

func (s *scene) observeServed(served bool) State {
	s.t.Helper()
	state, err := s.Observe(s.t.Context(), s.input, s.target, s.input.Secret != nil, !served)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// filled is the target as it is pushed.
func (s *scene) filled() gateway.Target {
	s.t.Helper()
	t := s.target
	if s.input.Secret != nil {
		t.Key = s.input.Secret.Data[corev1.TLSPrivateKeyKey]
	}
	s.observe().Fill(&t)
	return t
}

// push brings the certificate to the gateway, and reports whether that serves it.
func (s *scene) push() bool {
	s.t.Helper()
	target := s.filled()
	state, err := s.gateway.Observe(s.t.Context(), target)
	if err == nil {
		state, _, err = s.gateway.Push(s.t.Context(), state, target)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return s.gateway.Prove(s.t.Context(), state.Hosts(target), target.Fingerprint).Served
}

// readsVault reports whether the gateway has the object that says where the certificate's Vault is.
func (s *scene) readsVault() bool {
	s.t.Helper()
	_, err := s.gateway.Admin.GetVaultSecret(s.t.Context(), s.gateway.ID(s.target))
	if err != nil && !apisix.IsNotFound(err) {
		s.t.Fatal(err)
	}
	return err == nil
}

// settle settles, and puts what is left into the status.
func (s *scene) settle() (again bool) {
	s.t.Helper()
	s.cert.Status.KeyLocations, again = s.Settle(s.t.Context(), s.input, s.observe(), s.filled())
	return again
}

// placed is a place of the scene's certificate.
func placed(mount, path string) v1alpha1.KeyLocation {
	return v1alpha1.KeyLocation{Issuer: "VaultIssuer/vault", Mount: mount, Path: path + "/uid-c"}
}

// secrets are those of the cluster, by NAMESPACE/NAME.
type secrets map[string]*corev1.Secret

func (s secrets) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	found := s[key.String()]
	if found == nil {
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.Name)
	}
	found.DeepCopyInto(into.(*corev1.Secret))
	return nil
}

func (s secrets) List(context.Context, client.ObjectList, ...client.ListOption) error {
	panic("nothing lists Secrets")
}

// issuers are those of the namespace "ns", by KIND/NAME.
type issuers struct {
	byName   map[string]v1alpha1.Issuer
	sessions map[string]*vault.Session
	t        testing.TB
}

func (i *issuers) Find(_ context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error) {
	if namespace != "ns" {
		i.t.Errorf("an issuer is looked for in namespace %q", namespace)
	}
	return i.byName[ref.String()], nil
}

func (i *issuers) Session(_ context.Context, issuer v1alpha1.Issuer) (*vault.Session, error) {
	server := issuer.IssuerSpec().Server
	if i.sessions[server] == nil {
		session, err := vault.Open(vault.Config{
			Server: server, Path: "pki/sign/web", Now: time.Now, Auth: vault.AppRoleAuth{RoleID: "role", SecretID: vault.NewSecret("secret-id")},
		})
		if err != nil {
			return nil, err
		}
		i.t.Cleanup(session.Close)
		i.sessions[server] = session
	}
	return i.sessions[server], nil
}

// kvVault is a Vault with key-value engines of version 1 at the mounts "kv" and "other".
type kvVault struct {
	*httptest.Server
	rest *vaulttest.Vault // serves all other paths

	mu      sync.Mutex
	secrets map[string]map[string]string // by path
	calls   int
	refuse  int // the status of all answers; zero: none
}

func newVault(t testing.TB) *kvVault {
	v := &kvVault{rest: vaulttest.New(t, time.Now), secrets: map[string]map[string]string{}}
	v.Server = httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(v.Server.Close)
	return v
}

func (v *kvVault) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if !strings.HasPrefix(path, "kv/") && !strings.HasPrefix(path, "other/") {
		v.rest.ServeHTTP(w, r)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	switch {
	case v.refuse != 0:
		vaulttest.WriteError(w, v.refuse, "scripted")
	case r.URL.Query().Get("list") == "true":
		names := v.below(path)
		if len(names) == 0 {
			vaulttest.WriteError(w, http.StatusNotFound)
			return
		}
		vaulttest.WriteData(w, map[string]any{"keys": names})
	case r.Method == http.MethodPut:
		fields := map[string]string{}
		_ = json.NewDecoder(r.Body).Decode(&fields)
		v.secrets[path] = fields
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		delete(v.secrets, path)
		w.WriteHeader(http.StatusNoContent)
	case v.secrets[path] == nil:
		vaulttest.WriteError(w, http.StatusNotFound)
	default:
		fields := map[string]any{}
		for key, value := range v.secrets[path] {
			fields[key] = value
		}
		vaulttest.WriteData(w, fields)
	}
}

func (v *kvVault) below(folder string) []string {
	var names []string
	for _, path := range slices.Sorted(maps.Keys(v.secrets)) {
		if name, ok := strings.CutPrefix(path, folder+"/"); ok {
			names = append(names, name)
		}
	}
	return names
}

// answer sets the status of all answers; zero: none.
func (v *kvVault) answer(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refuse = status
}

// called is how many calls there were, and forgets them.
func (v *kvVault) called() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.calls
	v.calls = 0
	return n
}

// lose deletes all secrets.
func (v *kvVault) lose() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.secrets)
}

// paths are those of all secrets.
func (v *kvVault) paths() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.secrets))
}
