// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

func storage(where v1alpha1.KeyStorage) func(*scene) {
	return func(s *scene) {
		s.cert.Spec.KeyStorage, s.keys = where, &heldKeys{}
		if where == v1alpha1.KeyInVaultKV {
			s.cert.Spec.VaultKV = &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "token"}}
		}
	}
}

func TestKeyOutsideSecret(t *testing.T) {
	for _, where := range []v1alpha1.KeyStorage{v1alpha1.KeyAtGateway, v1alpha1.KeyInVaultKV} {
		s := newScene(t, storage(where))
		s.issue(t, now)
		if s.secret.Type != corev1.SecretTypeOpaque || s.secret.Data[corev1.TLSPrivateKeyKey] != nil || len(s.secret.Data[corev1.TLSCertKey]) == 0 {
			t.Errorf("%s: type %s", where, s.secret.Type)
		}
		if p := decide(s.observed, now); p.issue || p.held != nil || !p.usable(now) {
			t.Errorf("%s: after issuing: %+v", where, p)
		}
	}
}

func TestKeyReasons(t *testing.T) {
	s := newScene(t, storage(v1alpha1.KeyAtGateway))
	s.issue(t, now)
	s.lost = "gateway default has lost it"
	if p := decide(s.observed, now); !p.issue || p.decision.Reason != keyLost || p.decision.Message != s.lost {
		t.Errorf("lost: %+v", p.decision)
	}
	s.lost = ""
	s.keyUnknown = errors.New("gateway hangs")
	if p := decide(s.observed, now); p.issue || p.held != nil {
		t.Errorf("a gateway that does not tell: %+v", p)
	}
	s.noKeyPlace = &KeyStorageError{"no"}
	if p := decide(s.observed, now); p.held == nil || p.held.reason != v1alpha1.ReasonKeyStorage {
		t.Errorf("no place for the key: %+v", p.held)
	}
	moved := newScene(t)
	moved.issue(t, now)
	storage(v1alpha1.KeyAtGateway)(moved)
	if p := decide(moved.observed, now); !p.issue || p.decision.Reason != keyMoved {
		t.Errorf("from the Secret: %+v", p)
	}
	back := newScene(t, storage(v1alpha1.KeyAtGateway))
	back.issue(t, now)
	storage(v1alpha1.KeyInSecret)(back)
	if p := decide(back.observed, now); !p.issue || p.decision.Reason != certs.KeyMissing {
		t.Errorf("to the Secret: %+v", p)
	}
}

func TestHeldKeys(t *testing.T) {
	var held heldKeys
	held.put("u", "print", []byte("-----BEGIN PRIVATE KEY-----"))
	if held.get("u", "other") != nil || held.get("v", "print") != nil || held.get("u", "print") == nil {
		t.Error("a key is given for another certificate, or not for its own")
	}
	if text := fmt.Sprintf("%v %+v %#v %v", held.byUID, held.byUID, held.byUID["u"], held.byUID["u"]); strings.Contains(text, "PRIVATE") || strings.Contains(text, "45 66") {
		t.Errorf("a key is shown: %s", text)
	}
	if held.drop("u"); held.get("u", "print") != nil {
		t.Error("a dropped key is still held")
	}
}

// Each certificate has a reference of its own, or the gateway would serve the one before for 300 s.
func TestReference(t *testing.T) {
	s := newScene(t, storage(v1alpha1.KeyInVaultKV))
	if s.gateways = []*gateway.Gateway{{Name: "default", Cluster: "blue"}}; s.reference(gateway.Target{UID: "u", Pair: gateway.Pair{Fingerprint: "1"}}) != nil {
		t.Error("there is a reference to a key that is not in Vault")
	}
	s.issue(t, now)
	s.gateways = []*gateway.Gateway{{Name: "default", Cluster: "blue"}}
	one, two := s.reference(gateway.Target{UID: "u", Pair: gateway.Pair{Fingerprint: strings.Repeat("1", 64)}}), s.reference(gateway.Target{UID: "u", Pair: gateway.Pair{Fingerprint: strings.Repeat("2", 64)}})
	if one.Cert == two.Cert || one.Key == two.Key || one.Cert == one.Key || one.Secret.ID != two.Secret.ID {
		t.Errorf("%v %v", one, two)
	}
	if one.Old {
		t.Error("the reference is to a place that was left")
	}
	if want := "/apisix-certs/uid-c/" + strings.Repeat("1", 32) + "/key"; !strings.HasPrefix(one.Key, "$secret://vault/ac-") || !strings.HasSuffix(one.Key, want) {
		t.Errorf("%s", one.Key)
	}
}

func TestCommonClient(t *testing.T) {
	mtls := gateway.Use{Kind: "ApisixTls", Name: "a", Client: &gateway.Client{CAName: "ca"}}
	deeper := gateway.Use{Kind: "ApisixTls", Name: "b", Client: &gateway.Client{CAName: "ca", Depth: 3}}
	plain, ending := gateway.Use{Kind: "Ingress", Name: "c"}, deeper
	ending.Ending = true
	rows := map[string]struct {
		uses   []gateway.Use
		client *gateway.Client
		fails  bool
	}{
		"none":          {nil, nil, false},
		"plain":         {[]gateway.Use{plain, plain}, nil, false},
		"one":           {[]gateway.Use{mtls}, mtls.Client, false},
		"same":          {[]gateway.Use{mtls, mtls}, mtls.Client, false},
		"other depth":   {[]gateway.Use{mtls, deeper}, nil, true},
		"plain beside":  {[]gateway.Use{plain, mtls}, nil, true},
		"ending beside": {[]gateway.Use{ending, mtls}, mtls.Client, false},
	}
	for name, row := range rows {
		client, err := commonClient(row.uses)
		var clients *gateway.ClientError
		if client != row.client || errors.As(err, &clients) != row.fails {
			t.Errorf("%s: %+v %v", name, client, err)
		}
	}
}

func TestClientOf(t *testing.T) {
	s := newScene(t)
	s.issue(t, now)
	ca := s.secret.Data[corev1.TLSCertKey]
	for field, fails := range map[string]bool{"ca.crt": false, "cert": false, "tls.crt": true} {
		client, err := clientOf(&gateway.Client{Depth: 2, SkipMTLSURIRegex: []string{"/x"}}, &corev1.Secret{Data: map[string][]byte{field: ca}})
		if (err != nil) != fails || err == nil && (*client.Depth != 2 || client.CA == "") {
			t.Errorf("%s: %+v %v", field, client, err)
		}
	}
	if _, err := clientOf(&gateway.Client{}, &corev1.Secret{Data: map[string][]byte{"ca.crt": []byte("junk")}}); err == nil {
		t.Error("junk passes for a CA")
	}
}
