// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// defaultTTL is the TTL of a certificate whose request has none.
const defaultTTL = 24 * time.Hour

type revocation struct{ serial *big.Int }

// Sign handles a request to sign a CSR, without checking the token's policy. Handlers may call it.
func (v *Vault) Sign(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(r.Body).Decode(&body)
	csr, _ := body["csr"].(string)
	if block, _ := pem.Decode([]byte(csr)); block == nil {
		WriteError(w, http.StatusBadRequest, "csr contains no data")
		return
	}
	ttl := defaultTTL
	if text, ok := body["ttl"].(string); ok {
		if d, err := time.ParseDuration(text); err == nil {
			ttl = d
		}
	}
	leaf := v.CA.SignRequest(panicking{}, []byte(csr), v.now().Add(-30*time.Second), v.now().Add(ttl))
	root := string(certstest.PEM(v.CA.Cert))
	response := map[string]any{"data": map[string]any{
		"certificate": string(certstest.PEM(leaf)), "issuing_ca": root, "ca_chain": []string{root}, "serial_number": serial(leaf.SerialNumber),
	}}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bodies = append(v.bodies, body)
	if leases, _ := v.role["generate_lease"].(bool); leases {
		response["lease_id"], response["lease_duration"] = "pki/sign/web/"+serial(leaf.SerialNumber), int(ttl.Seconds())
		if holder := v.tokens[r.Header.Get("X-Vault-Token")]; holder != nil {
			holder.leases = append(holder.leases, revocation{leaf.SerialNumber})
		}
	}
	write(w, response)
}

func serial(n *big.Int) string {
	text := hex.EncodeToString(n.Bytes())
	var parts []string
	for i := 0; i+1 < len(text); i += 2 {
		parts = append(parts, text[i:i+2])
	}
	return strings.Join(parts, ":")
}

func (v *Vault) issuer(w http.ResponseWriter, path string) {
	if !v.dialect.issuers {
		WriteError(w, http.StatusNotFound, "1 error occurred:\n\t* unsupported path\n\n")
		return
	}
	if strings.Contains(path, "/nope/") {
		WriteError(w, http.StatusInternalServerError, "unable to find PKI issuer for reference: nope")
		return
	}
	root := string(certstest.PEM(v.CA.Cert))
	WriteData(w, map[string]any{"certificate": root, "ca_chain": []string{root}})
}

func (v *Vault) revoke(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Certificate string `json:"certificate"`
		Serial      string `json:"serial_number"`
	}
	_ = json.NewDecoder(r.Body).Decode(&body)
	var number *big.Int
	if block, _ := pem.Decode([]byte(body.Certificate)); block != nil {
		if leaf, err := x509.ParseCertificate(block.Bytes); err == nil {
			number = leaf.SerialNumber
		}
	} else if n, ok := new(big.Int).SetString(strings.ReplaceAll(body.Serial, ":", ""), 16); ok {
		number = n
	}
	if number == nil {
		WriteError(w, http.StatusBadRequest, "certificate with serial "+body.Serial+" not found.")
		return
	}
	v.mu.Lock()
	v.revoked = append(v.revoked, revocation{number})
	v.mu.Unlock()
	WriteData(w, map[string]any{"state": "revoked"})
}

// crl creates a new revocation list for each request.
func (v *Vault) crl(w http.ResponseWriter) {
	v.mu.Lock()
	v.sequence++
	template := &x509.RevocationList{Number: big.NewInt(int64(v.sequence)), ThisUpdate: v.now(), NextUpdate: v.now().Add(time.Hour)}
	for _, one := range v.revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: one.serial, RevocationTime: v.now()})
	}
	v.mu.Unlock()
	der, err := x509.CreateRevocationList(rand.Reader, template, v.CA.Cert, v.CA.Key)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/pkix-crl")
	_, _ = w.Write(der)
}

// expire expires a token and revokes the certificates of its leases, as Vault does. The caller must hold the lock.
func (v *Vault) expire(holder *token) {
	holder.expired = true
	v.revoked = append(v.revoked, holder.leases...)
	holder.leases = nil
}

func drain(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
