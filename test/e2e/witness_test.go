// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
)

// witness keeps all that the controller says in a run - log, metrics, events, statuses - and the secrets that must not be
// in it.
type witness struct {
	mu      sync.Mutex
	said    bytes.Buffer
	seen    map[string]bool // kinds seen
	secrets map[string]bool
}

// said are the kinds of objects that the controller writes for all to read.
var said = []schema.GroupVersionKind{
	{Group: "events.k8s.io", Version: "v1", Kind: "Event"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "ApisixCertificate"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "VaultIssuer"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "ClusterVaultIssuer"},
	{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixTls"},
}

// newWitness watches until ctx ends.
func newWitness(ctx context.Context, config *rest.Config) (*witness, error) {
	c, err := client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		return nil, err
	}
	w := &witness{seen: map[string]bool{}, secrets: map[string]bool{}}
	for _, kind := range said {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		changes, err := c.Watch(ctx, list)
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", kind.Kind, err)
		}
		go w.hear(kind.Kind, changes)
	}
	secrets, err := c.Watch(ctx, &corev1.SecretList{})
	if err != nil {
		return nil, err
	}
	go w.learn(secrets)
	return w, nil
}

func (w *witness) hear(kind string, changes watch.Interface) {
	for change := range changes.ResultChan() {
		data, err := json.Marshal(change.Object)
		if err != nil {
			continue
		}
		_, _ = w.Write(data)
		w.mu.Lock()
		w.seen[kind] = true
		w.mu.Unlock()
	}
}

// learn takes the private keys and tokens of all Secrets.
func (w *witness) learn(changes watch.Interface) {
	for change := range changes.ResultChan() {
		secret, ok := change.Object.(*corev1.Secret)
		if !ok {
			continue
		}
		w.guard(string(secret.Data[corev1.ServiceAccountTokenKey]))
		for _, line := range strings.Split(string(secret.Data[corev1.TLSPrivateKeyKey]), "\n") {
			if !strings.HasPrefix(line, "-----") {
				w.guard(line)
			}
		}
	}
}

// Write takes what the controller said.
func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

// guard adds a secret. Texts too short to be one are passed over.
func (w *witness) guard(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret = strings.TrimSpace(secret); len(secret) >= 16 {
		w.secrets[secret] = true
	}
}

// shapes are what secrets look like, known or not: private keys as they are and in base64, Vault's tokens, JWTs.
var shapes = regexp.MustCompile(`BEGIN [A-Z ]*PRIVATE KEY|LS0tLS1CRUdJTiB[A-Za-z0-9+/]{0,16}UFJJVkFU|LS0tLS1CRUdJTiBQUklWQV|hv[sb]\.[A-Za-z0-9_-]{20,}|eyJhbGciOi[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// verdict is an error that says, without telling any, how secrets were given away.
func (w *witness) verdict() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said.String()
	var problems []error
	for _, kind := range []string{"Event", "VaultIssuer"} { // every scene has them
		if !w.seen[kind] {
			problems = append(problems, fmt.Errorf("the witness saw no %s, so that it proves nothing", kind))
		}
	}
	for secret := range w.secrets {
		for form, text := range map[string]string{"as it is": secret, "in base64": base64.StdEncoding.EncodeToString([]byte(secret))} {
			if i := strings.Index(said, text); i >= 0 {
				problems = append(problems, fmt.Errorf("a secret was given away %s after %q", form, said[max(0, i-80):i]))
			}
		}
	}
	if at := shapes.FindStringIndex(said); at != nil {
		problems = append(problems, fmt.Errorf("what looks like a secret was given away after %q", said[max(0, at[0]-80):at[0]]))
	}
	return errors.Join(problems...)
}

func TestWitnessFindsSecrets(t *testing.T) {
	t.Parallel()
	const key = "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04f"
	for name, text := range map[string]string{
		"known":          "level=DEBUG msg=" + key,
		"known, base64":  base64.StdEncoding.EncodeToString([]byte(key)),
		"PEM":            "-----BEGIN EC PRIVATE KEY-----",
		"PEM, base64":    base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE KEY-----\n")),
		"EC PEM, base64": base64.StdEncoding.EncodeToString([]byte("-----BEGIN RSA PRIVATE KEY-----\n")),
		"Vault token":    "X-Vault-Token: hvs.CAESIJ1ZkWQ0aXh3c0pYbG1x",
		"JWT":            "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlIn0.c2ln",
	} {
		w := newDeafWitness()
		w.guard(key)
		_, _ = w.Write([]byte(text))
		if w.verdict() == nil {
			t.Errorf("%s: not found", name)
		}
	}
	w := newDeafWitness()
	w.guard(key)
	_, _ = w.Write([]byte("level=INFO msg=\"certificate issued\" serial=0123abc"))
	if err := w.verdict(); err != nil {
		t.Error(err)
	}
}

// newDeafWitness hears what is written to it alone.
func newDeafWitness() *witness {
	return &witness{seen: map[string]bool{"Event": true, "VaultIssuer": true}, secrets: map[string]bool{}}
}
