// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rates are what the servers do a second when nothing else is asked of them.
type rates struct{ sign, admin, kube float64 }

// rawCount is how many requests a raw rate is measured with.
func (w *world) rawCount() int { return min(max(w.n, 200), 2000) }

// pair is a key, its CSR, and the certificate once it is signed; all PEM.
type pair struct {
	host           string
	key, csr, cert string
}

func (w *world) measureRaw(ctx context.Context) error {
	w.say("raw rates, %d requests each with %d workers ...", w.rawCount(), w.options.workers)
	pairs := make([]pair, w.rawCount())
	for i := range pairs {
		var err error
		if pairs[i], err = newPair(fmt.Sprintf("raw-%05d.%s", i, domain)); err != nil {
			return err
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: w.options.workers}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var err error
	if w.raw.sign, err = w.rate(ctx, "raw sign", pairs, func(ctx context.Context, _ int, p *pair) error { return w.sign(ctx, client, p) }); err != nil {
		return fmt.Errorf("raw pki/sign: %w", err)
	}
	if w.raw.admin, err = w.rate(ctx, "raw Admin API", pairs, func(ctx context.Context, i int, p *pair) error { return w.put(ctx, client, i, p) }); err != nil {
		return fmt.Errorf("raw PUT of the Admin API: %w", err)
	}
	if err := w.emptyGateway(ctx); err != nil {
		return err
	}
	w.raw.kube, err = w.rate(ctx, "raw API server", pairs, func(ctx context.Context, i int, p *pair) error { return w.write(ctx, i, p) })
	w.say("raw rates a second: pki/sign %.0f, Admin API %.0f, API server writes %.0f", w.raw.sign, w.raw.admin, w.raw.kube)
	return err
}

// rate makes all requests and gives how many a second were answered.
func (w *world) rate(ctx context.Context, what string, pairs []pair, do func(context.Context, int, *pair) error) (float64, error) {
	began := time.Now()
	err := w.parallel(ctx, what, len(pairs), w.options.workers, func(ctx context.Context, i int) error { return do(ctx, i, &pairs[i]) })
	return float64(len(pairs)) / time.Since(began).Seconds(), err
}

func newPair(host string) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		return pair{}, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return pair{host: host, key: encode("EC PRIVATE KEY", der), csr: encode("CERTIFICATE REQUEST", csr)}, err
}

// sign has Vault sign the CSR as the controller does (POST pki/sign/ROLE).
func (w *world) sign(ctx context.Context, client *http.Client, p *pair) error {
	var answer struct{ Data struct{ Certificate string } }
	err := exchange(ctx, client, http.MethodPost, w.Vault.Address+"/v1/pki/sign/moelove-dot-info", "X-Vault-Token", w.Vault.Token,
		map[string]any{"format": "pem", "csr": p.csr, "common_name": p.host, "exclude_cn_from_sans": true, "alt_names": p.host}, &answer)
	p.cert = answer.Data.Certificate
	return err
}

// put makes an ssl object of the pair (PUT /apisix/admin/ssls/ID).
func (w *world) put(ctx context.Context, client *http.Client, i int, p *pair) error {
	labels := map[string]string{"managed-by": "apisix-certs", "apisix-certs.io/cluster": w.clusterID}
	return exchange(ctx, client, http.MethodPut, fmt.Sprintf("%s/apisix/admin/ssls/raw-%d", w.Gateway.AdminURL, i), "X-API-KEY", w.Gateway.AdminKey,
		map[string]any{"snis": []string{p.host}, "cert": p.cert, "key": p.key, "labels": labels}, nil)
}

// write makes a Secret of the pair.
func (w *world) write(ctx context.Context, i int, p *pair) error {
	return w.client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "others", Name: fmt.Sprintf("raw-%05d", i)}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: []byte(p.cert), corev1.TLSPrivateKeyKey: []byte(p.key)},
	})
}

// exchange sends and receives JSON. Its errors do not tell what was sent.
func exchange(ctx context.Context, client *http.Client, method, url, header, secret string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set(header, secret)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err = io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		return errors.Join(fmt.Errorf("%s %s: %s", method, request.URL.Path, answer.Status), err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
