// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Fields of a secret in Vault.
const (
	certField = "cert"
	keyField  = "key"
)

// secretName is the name of one certificate's secret in its folder. A gateway caches what it read for 300 s, so each
// certificate needs its own name to be served at once.
func secretName(fingerprint string) string { return fingerprint[:min(len(fingerprint), 32)] }

// folderPath is the path in Vault of a location's secrets.
func folderPath(p v1alpha1.KeyLocation) string { return p.Mount + "/" + p.Path }

// folder has the secrets of one certificate at one location in Vault. All errors are the session's.
type folder struct {
	session *vault.Session
	path    string
}

func (f folder) write(ctx context.Context, fingerprint string, certPEM, keyPEM []byte) error {
	path := f.path + "/" + secretName(fingerprint)
	err := f.session.WriteKV(ctx, path, map[string]string{certField: string(certPEM), keyField: string(keyPEM)})
	logWritten(ctx, "put", path, "private key of a new certificate", err)
	return err
}

// has reports whether there is a key for the certificate with this fingerprint.
func (f folder) has(ctx context.Context, fingerprint string) (bool, error) {
	return f.session.HasKV(ctx, f.path+"/"+secretName(fingerprint), keyField)
}

// names returns the names of all its secrets.
func (f folder) names(ctx context.Context) ([]string, error) { return f.session.ListKV(ctx, f.path) }

// clear deletes all its secrets except the one of the certificate with this fingerprint. An empty fingerprint deletes all.
func (f folder) clear(ctx context.Context, fingerprint string) error {
	names, err := f.names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == secretName(fingerprint) {
			continue
		}
		path := f.path + "/" + name
		err := f.session.DeleteKV(ctx, path)
		logWritten(ctx, "delete", path, "no certificate needs the key", err)
		if err != nil {
			return err
		}
	}
	return nil
}

// logWritten logs each write to Vault. The logger of a run names the certificate.
func logWritten(ctx context.Context, verb, path, why string, err error) {
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	ctrl.LoggerFrom(ctx).Info("vault written", "verb", verb, "path", path, "why", why, "outcome", outcome)
}
