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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// floorNamespace is deleted before the controller starts.
const floorNamespace = "floor"

// floor is a bare loop that does for each certificate only what no controller can leave out: key, CSR, signature, Secret,
// status and the PUT at the gateway. It has plain clients, as many workers as the controller, and neither caches, watches,
// checks nor handshakes. It runs on the same servers in the same run, so that the ratio to it does not depend on the machine.
type floor struct {
	*world
	http  *http.Client
	certs []*floorCert
}

// floorCert is a certificate of the floor. Each is touched by one worker at a time.
type floorCert struct {
	object *v1alpha1.ApisixCertificate
	host   string
}

// floors are the certificates a second of the floor, by scenario.
type floors map[string]float64

// measureFloor measures the floor of creations and of renewals with n certificates.
func (w *world) measureFloor(ctx context.Context) error {
	transport := &http.Transport{MaxIdleConnsPerHost: w.options.workers}
	defer transport.CloseIdleConnections()
	f := &floor{world: w, http: &http.Client{Transport: transport, Timeout: time.Minute}, certs: make([]*floorCert, w.n)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: floorNamespace}}
	if err := w.client.Create(ctx, namespace); err != nil {
		return err
	}
	w.floors = floors{}
	for _, scenario := range []struct {
		name string
		do   func(context.Context, int) error
	}{{"create", f.create}, {"renew", f.renew}} {
		before, began := cpuByProcess(), time.Now()
		if err := w.parallel(ctx, "floor of "+scenario.name, w.n, w.options.workers, scenario.do); err != nil {
			return fmt.Errorf("floor of %s: %w", scenario.name, err)
		}
		w.floors[scenario.name] = float64(w.n) / time.Since(began).Seconds()
		r := row{cpu: map[string]float64{}}
		for name, at := range cpuByProcess() {
			if ms := float64((at - before[name]).Microseconds()) / 1000 / float64(w.n); ms > 0 {
				r.cpu[name] = round(ms)
			}
		}
		w.say("floor of %s: %.1f certificates/s; CPU ms a certificate: %s", scenario.name, w.floors[scenario.name], r.machine())
	}
	if err := w.client.DeleteAllOf(ctx, &v1alpha1.ApisixCertificate{}, client.InNamespace(floorNamespace)); err != nil {
		return err
	}
	if err := w.client.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(floorNamespace)); err != nil {
		return err
	}
	return w.emptyGateway(ctx)
}

// create makes the ApisixCertificate too, which a status needs. In the scenario the controller makes it for an ApisixTls.
func (f *floor) create(ctx context.Context, i int) error {
	c := &floorCert{host: fmt.Sprintf("floor-%05d.%s", i, domain)}
	c.object = &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: floorNamespace, Name: secretNameOf(i)},
		Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: secretNameOf(i), DNSNames: []string{c.host}, IssuerRef: v1alpha1.IssuerReference{Name: issuerName},
		},
	}
	if err := f.client.Create(ctx, c.object); err != nil {
		return err
	}
	f.certs[i] = c
	return f.issue(ctx, i, func(secret *corev1.Secret) error { return f.client.Create(ctx, secret) })
}

// renew has the write of the annotation, which the scenario has too.
func (f *floor) renew(ctx context.Context, i int) error {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
	if err := f.client.Patch(ctx, f.certs[i].object, client.RawPatch("application/merge-patch+json", patch)); err != nil {
		return err
	}
	return f.issue(ctx, i, func(secret *corev1.Secret) error { return f.client.Update(ctx, secret) })
}

// issue is the work of one certificate: what the controller cannot leave out.
func (f *floor) issue(ctx context.Context, i int, write func(*corev1.Secret) error) error {
	c := f.certs[i]
	key, csr, err := newKey(c.host)
	if err != nil {
		return err
	}
	cert, ca, err := f.sign(ctx, c.host, csr)
	if err != nil {
		return err
	}
	if err := write(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: floorNamespace, Name: secretNameOf(i)}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: []byte(cert), corev1.TLSPrivateKeyKey: key, "ca.crt": []byte(ca)},
	}); err != nil {
		return err
	}
	if err := f.put(ctx, i, c.host, cert, key); err != nil {
		return err
	}
	leaf, err := leafOf([]byte(cert))
	if err != nil {
		return err
	}
	c.object.Status = statusOf(c, leaf)
	return f.client.Status().Update(ctx, c.object)
}

// statusOf is as large as that of a certificate of the controller's.
func statusOf(c *floorCert, leaf *x509.Certificate) v1alpha1.ApisixCertificateStatus {
	at := func(t time.Time) *metav1.Time { return &metav1.Time{Time: t} }
	now, serial := time.Now(), leaf.SerialNumber.Text(16)
	status := v1alpha1.ApisixCertificateStatus{
		ObservedGeneration: c.object.Generation, Hosts: c.host, OwnedNames: []string{c.host},
		RenewalTime: at(leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)),
		Issued: v1alpha1.IssuedCertificate{
			SecretNamespace: floorNamespace, SecretName: c.object.Spec.SecretName, SecretUID: c.object.UID, Fingerprint: fmt.Sprintf("%064x", leaf.SerialNumber),
			SerialNumber: serial, Issuer: "VaultIssuer/" + issuerName, NotBefore: at(leaf.NotBefore), NotAfter: at(leaf.NotAfter), IssuedAt: at(now),
		},
		Gateways:   []v1alpha1.GatewayStatus{{Name: "default", Mode: "own", SSLID: serial, PushedSerial: serial, ServedSerial: serial}},
		References: []v1alpha1.ObjectReference{{Kind: "ApisixTls", Namespace: namespace, Name: c.object.Name}},
	}
	for _, kind := range []string{v1alpha1.ConditionIssued, v1alpha1.ConditionPushed, v1alpha1.ConditionServed, v1alpha1.ConditionReady} {
		status.Conditions = append(status.Conditions, metav1.Condition{
			Type: kind, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, LastTransitionTime: *at(now), ObservedGeneration: c.object.Generation,
			Message: "the certificate is valid and pushed to all gateways",
		})
	}
	return status
}

func newKey(host string) (keyPEM, csrPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), err
}

func leafOf(cert []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(cert)
	if block == nil {
		return nil, errors.New("Vault's certificate is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// sign has Vault sign the CSR as the controller does (POST pki/sign/ROLE).
func (f *floor) sign(ctx context.Context, host string, csr []byte) (cert, ca string, err error) {
	var response struct {
		Data struct {
			Certificate string
			IssuingCA   string `json:"issuing_ca"`
		}
	}
	err = exchange(ctx, f.http, http.MethodPost, f.Vault.Address+"/v1/pki/sign/moelove-dot-info", "X-Vault-Token", f.Vault.Token,
		map[string]any{"format": "pem", "csr": string(csr), "common_name": host, "exclude_cn_from_sans": true, "alt_names": host}, &response)
	return response.Data.Certificate, response.Data.IssuingCA, err
}

// put writes the ssl object (PUT /apisix/admin/ssls/ID).
func (f *floor) put(ctx context.Context, i int, host, cert string, key []byte) error {
	labels := map[string]string{"managed-by": "apisix-certs", "apisix-certs.io/cluster": f.clusterID}
	return exchange(ctx, f.http, http.MethodPut, fmt.Sprintf("%s/apisix/admin/ssls/floor-%d", f.Gateway.AdminURL, i), "X-API-KEY", f.Gateway.AdminKey,
		map[string]any{"snis": []string{host}, "cert": cert, "key": string(key), "labels": labels}, nil)
}

// exchange sends and receives JSON. Its errors do not contain what was sent.
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
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	data, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode > 299 {
		return errors.Join(fmt.Errorf("%s %s: %s", method, request.URL.Path, response.Status), err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(data, into)
}
