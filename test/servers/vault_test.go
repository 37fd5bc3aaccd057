// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	vaultapi "github.com/hashicorp/vault/api"
)

// startVault starts a Vault that ends with the test.
func startVault(t *testing.T, options VaultOptions) *Vault {
	t.Helper()
	Need(t)
	vault, err := StartVault(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vault.Stop)
	return vault
}

// newCSR returns a PEM request for host with a fresh P-256 key.
func newCSR(t *testing.T, host string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// sign has Vault sign a request for host and returns the leaf.
func sign(t *testing.T, client *vaultapi.Client, host string) *x509.Certificate {
	t.Helper()
	answer, err := client.Logical().WriteWithContext(t.Context(), "pki/sign/web", map[string]any{"csr": newCSR(t, host)})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(answer.Data["certificate"].(string)))
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func TestVaultSigns(t *testing.T) {
	for _, keyType := range []string{"ec", "rsa"} {
		t.Run(keyType, func(t *testing.T) {
			vault := startVault(t, VaultOptions{Dev: true})
			ca, err := vault.SetUpPKI(t.Context(), PKIOptions{CommonName: "Test CA", KeyType: keyType, Role: "web"})
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(ca)
			leaf := sign(t, vault.Client(), "shop.example")
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: "shop.example", Roots: roots}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestVaultDevHasKV(t *testing.T) {
	vault := startVault(t, VaultOptions{Dev: true})
	if _, err := vault.Client().KVv2("secret").Put(t.Context(), "a", map[string]any{"b": "c"}); err != nil {
		t.Fatal(err)
	}
	got, err := vault.Client().KVv2("secret").Get(t.Context(), "a")
	if err != nil || got.Data["b"] != "c" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestVaultKnowsItsLogins(t *testing.T) {
	vault := startVault(t, VaultOptions{})
	for _, login := range []string{"approle", "cert", "jwt", "kubernetes"} {
		err := vault.Client().Sys().EnableAuthWithOptionsWithContext(t.Context(), login, &vaultapi.EnableAuthOptions{Type: login})
		if err != nil {
			t.Errorf("%s: %v", login, err)
		}
	}
}

// sealedAnswer tells whether Vault answers as a sealed one does.
func sealedAnswer(t *testing.T, vault *Vault) bool {
	t.Helper()
	_, err := vault.Client().Auth().Token().LookupSelfWithContext(t.Context())
	answer := (*vaultapi.ResponseError)(nil)
	return errors.As(err, &answer) && answer.StatusCode == http.StatusServiceUnavailable
}

func TestVaultSealsAndUnseals(t *testing.T) {
	vault := startVault(t, VaultOptions{})
	if err := vault.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !sealedAnswer(t, vault) {
		t.Error("does not answer as sealed")
	}
	if err := vault.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Client().Auth().Token().LookupSelfWithContext(t.Context()); err != nil {
		t.Errorf("the token after unsealing: %v", err)
	}
}

func TestVaultFileStorageSurvivesRestart(t *testing.T) {
	for _, end := range []string{"stop", "kill"} {
		t.Run(end, func(t *testing.T) {
			vault := startVault(t, VaultOptions{Path: t.TempDir()})
			if _, err := vault.SetUpPKI(t.Context(), PKIOptions{CommonName: "Test CA", Role: "web"}); err != nil {
				t.Fatal(err)
			}
			if end == "kill" {
				vault.Kill()
			}
			if err := vault.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !sealedAnswer(t, vault) {
				t.Error("does not come up sealed")
			}
			if err := vault.Unseal(t.Context()); err != nil {
				t.Fatal(err)
			}
			sign(t, vault.Client(), "shop.example")
		})
	}
}

func TestVaultInMemoryDoesNotRestart(t *testing.T) {
	vault := startVault(t, VaultOptions{})
	if err := vault.Restart(t.Context()); err == nil {
		t.Error("restarted")
	}
}

func TestVaultTLS(t *testing.T) {
	vault := startVault(t, VaultOptions{TLS: true})
	if !strings.HasPrefix(vault.Address, "https://") {
		t.Errorf("address %s", vault.Address)
	}
	if _, err := vault.Client().Auth().Token().LookupSelfWithContext(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(vault.Address + "/v1/sys/health"); err == nil {
		t.Error("trusted without its CA")
	}
}

func TestVaultKubernetesLogin(t *testing.T) {
	kube, client := startKube(t, KubeOptions{})
	vault := startVault(t, VaultOptions{})
	if err := vault.SetUpKubernetesAuth(t.Context(), kube); err != nil {
		t.Fatal(err)
	}
	makeServiceAccount(t, client, "default", "issuer")
	makeServiceAccount(t, client, "default", "stranger")
	const audience = "vault://default/issuer"
	_, err := vault.Client().Logical().WriteWithContext(t.Context(), "auth/kubernetes/role/web", map[string]any{
		"bound_service_account_names": "issuer", "bound_service_account_namespaces": "default", "audience": audience,
	})
	if err != nil {
		t.Fatal(err)
	}
	for account, welcome := range map[string]bool{"issuer": true, "stranger": false} {
		token, err := kube.Token(t.Context(), "default", account, audience)
		if err != nil {
			t.Fatal(err)
		}
		_, err = vault.Client().Logical().WriteWithContext(t.Context(), "auth/kubernetes/login", map[string]any{"role": "web", "jwt": token})
		if (err == nil) != welcome {
			t.Errorf("login of %s: %v", account, err)
		}
	}
}

func TestVaultShowsTheLogOfAFailedStart(t *testing.T) {
	first := startVault(t, VaultOptions{})
	second := startVault(t, VaultOptions{Path: t.TempDir()})
	second.Address = first.Address
	err := second.Restart(t.Context())
	failed := (*StartError)(nil)
	if !errors.As(err, &failed) || !strings.Contains(failed.Log, "address already in use") {
		t.Errorf("restart on a taken address: %v", err)
	}
}

func TestVaultRedacts(t *testing.T) {
	vault := &Vault{Address: "http://127.0.0.1:1", Token: "the-token", UnsealKey: "the-key"}
	encoded, err := json.Marshal(vault)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	slog.New(slog.NewTextHandler(log, nil)).Info("started", "pointer", vault, "value", *vault)
	printed := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", vault, vault, vault, vault, *vault, *vault, *vault)
	for _, text := range []string{printed, string(encoded), log.String(), fmt.Sprint(vault.MarshalLog())} {
		if strings.Contains(text, "the-token") || strings.Contains(text, "the-key") || !strings.Contains(text, vault.Address) {
			t.Errorf("shows too much or too little: %s", text)
		}
	}
}
