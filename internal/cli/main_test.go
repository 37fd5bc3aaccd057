// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

func TestMain(m *testing.M) {
	program := func() { os.Exit(Main("")) }
	testscript.Main(m, map[string]func(){"apisix-certs": program, "kubectl-apisix_certs": program, "kubectl_complete-apisix_certs": program})
}

// TestScripts runs the command as users do, with one file per feature.
func TestScripts(t *testing.T) {
	files := pemFiles(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // no kubeconfig there
			for name, data := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// pemFiles returns certificates for the scripts.
func pemFiles(t *testing.T) map[string][]byte {
	now := time.Now()
	root := certstest.NewCA(t, "root", now.Add(1000*time.Hour))
	leaf := func(host string, notAfter time.Time) (chain, key []byte) {
		made, err := certs.GenerateKey(certs.KeySpec{})
		if err != nil {
			t.Fatal(err)
		}
		cert := root.Sign(t, &x509.Certificate{DNSNames: []string{host}, NotBefore: now.Add(-2 * time.Hour), NotAfter: notAfter}, made.Public())
		return certstest.PEM(cert, root.Cert), made.PEM(certs.PKCS8)
	}
	www, wwwKey := leaf("www.example.com", now.Add(time.Hour))
	shop, shopKey := leaf("shop.example.com", now.Add(time.Hour))
	expired, expiredKey := leaf("www.example.com", now.Add(-time.Hour))
	return map[string][]byte{
		"pair.pem": slices.Concat(www, wwwKey), "other.pem": slices.Concat(shop, shopKey),
		"expired.pem": slices.Concat(expired, expiredKey), "mixed.pem": slices.Concat(www, shopKey),
	}
}
