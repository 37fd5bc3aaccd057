// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
)

// Witness records the output of controllers (logs, crash dumps, metrics, events, and objects that all users can read), and the
// secrets that must not be in it.
type Witness struct {
	mu      sync.Mutex
	said    bytes.Buffer
	seen    map[string]bool // kinds seen
	secrets map[string]bool
	deaf    context.CancelFunc // ends the watches
}

// read are the kinds of objects that controllers write and that all users can read.
var read = []schema.GroupVersionKind{
	{Group: "events.k8s.io", Version: "v1", Kind: "Event"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "ApisixCertificate"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "VaultIssuer"},
	{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "ClusterVaultIssuer"},
	{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixTls"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"},
}

// NewWitness returns a Witness that records only what is written to it, until Listen is called.
func NewWitness() *Witness { return &Witness{seen: map[string]bool{}, secrets: map[string]bool{}} }

// Listen watches the API server of config until the next call, and reconnects after outages.
func (w *Witness) Listen(ctx context.Context, config *rest.Config) error {
	if w.deaf != nil {
		w.deaf()
	}
	ctx, w.deaf = context.WithCancel(ctx)
	c, err := client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		return err
	}
	for _, kind := range read {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		go follow(ctx, c, list, func(object runtime.Object) { w.hear(kind.Kind, object) })
	}
	go follow(ctx, c, &corev1.SecretList{}, w.learn)
	return nil
}

// follow restarts a watch when it is closed.
func follow(ctx context.Context, c client.WithWatch, list client.ObjectList, see func(runtime.Object)) {
	for ctx.Err() == nil {
		changes, err := c.Watch(ctx, list)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		for change := range changes.ResultChan() {
			see(change.Object)
		}
	}
}

func (w *Witness) hear(kind string, object runtime.Object) {
	data, err := json.Marshal(object)
	if err != nil {
		return
	}
	_, _ = w.Write(append(data, '\n'))
	w.mu.Lock()
	w.seen[kind] = true
	w.mu.Unlock()
}

// learn adds the private keys and tokens of all Secrets.
func (w *Witness) learn(object runtime.Object) {
	secret, ok := object.(*corev1.Secret)
	if !ok {
		return
	}
	w.Guard(string(secret.Data[corev1.ServiceAccountTokenKey]))
	for _, line := range strings.Split(string(secret.Data[corev1.TLSPrivateKeyKey]), "\n") {
		if !strings.HasPrefix(line, "-----") {
			w.Guard(line)
		}
	}
}

// Write records output of a controller.
func (w *Witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(p)
}

// Heard returns the number of occurrences of text.
func (w *Witness) Heard(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Count(w.said.Bytes(), []byte(text))
}

// ReadMetrics records the metrics of a controller.
func (w *Witness) ReadMetrics(ctx context.Context, base string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	n, err := io.Copy(w, answer.Body)
	if n == 0 && err == nil {
		err = errors.New("there are no metrics")
	}
	return err
}

// Guard adds a secret. It ignores texts that are too short to be one.
func (w *Witness) Guard(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if secret = strings.TrimSpace(secret); len(secret) >= window {
		w.secrets[secret] = true
	}
}

// shapes match all secrets: private keys in PEM and base64, Vault tokens, JWTs.
var shapes = regexp.MustCompile(`BEGIN [A-Z ]*PRIVATE KEY|LS0tLS1CRUdJTiB[A-Za-z0-9+/]{0,16}UFJJVkFU|LS0tLS1CRUdJTiBQUklWQV|hv[sb]\.[A-Za-z0-9_-]{20,}|eyJhbGciOi[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`)

// Verdict returns the number of known secrets and of those found. Its error has the text before each secret that was found.
// Objects of kinds must have been seen, because otherwise the result is meaningless.
func (w *Witness) Verdict(kinds ...string) (checked, leaked int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := w.said.String()
	var problems []error
	for _, kind := range kinds {
		if !w.seen[kind] {
			problems = append(problems, fmt.Errorf("the witness saw no %s, so its result is meaningless", kind))
		}
	}
	for _, at := range find(said, w.secrets) {
		leaked++
		problems = append(problems, fmt.Errorf("a secret was leaked after %q", said[max(0, at-80):at]))
	}
	if at := shapes.FindStringIndex(said); at != nil {
		leaked++
		problems = append(problems, fmt.Errorf("something that looks like a secret was leaked after %q", said[max(0, at[0]-80):at[0]]))
	}
	return len(w.secrets), leaked, errors.Join(problems...)
}

// window is the length of the part of a secret that is searched first.
const window = 16

// find returns the positions of secrets in text, in plain text or base64, in one pass.
func find(text string, secrets map[string]bool) (found []int) {
	begins := map[string][]string{}
	for secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			begins[form[:window]] = append(begins[form[:window]], strings.TrimRight(form, "="))
		}
	}
	for i := 0; i+window <= len(text); i++ {
		for _, form := range begins[text[i:i+window]] {
			if strings.HasPrefix(text[i:], form) {
				found = append(found, i)
			}
		}
	}
	return found
}
