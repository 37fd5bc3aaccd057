// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/handshake"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/registry"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

func (n *inspector) read(ctx context.Context, p location) (loaded, error) {
	switch p.kind {
	case "secret":
		return n.readSecret(ctx, p.name)
	case "file":
		return n.readFile(p.name)
	case "host":
		return readHost(ctx, p.name, n.connect)
	}
	return n.readSSL(ctx, p.name)
}

// connectOnce connects to the API server on the first call.
func (n *inspector) connectOnce() (err error) {
	if n.access == nil {
		n.access, err = n.kube.connect()
	}
	return err
}

// readSecret reads the Secret NAME or NAMESPACE/NAME.
func (n *inspector) readSecret(ctx context.Context, name string) (loaded, error) {
	if err := n.connectOnce(); err != nil {
		return loaded{}, err
	}
	key := client.ObjectKey{Namespace: n.access.namespace, Name: name}
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		key = client.ObjectKey{Namespace: namespace, Name: name}
	}
	if key.Namespace == "" {
		return loaded{}, errors.New("a namespace is required: set --namespace")
	}
	secret := &corev1.Secret{}
	if err := n.access.Get(ctx, key, secret); apierrors.IsNotFound(err) {
		return loaded{}, fmt.Errorf("not found in namespace %s (list all with kubectl get secrets -A)", key.Namespace)
	} else if err != nil {
		return loaded{}, n.access.explainError(err)
	}
	if len(secret.Data[corev1.TLSCertKey]) == 0 {
		secret = tlssecret.Provided(secret)
	}
	bundle, err := parse(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], secret.Data[corev1.ServiceAccountRootCAKey])
	return loaded{Bundle: bundle, keyElsewhere: secret.Type == corev1.SecretTypeOpaque}, err
}

// parse parses PEM data of a chain, a private key and CAs. key and ca may be nil.
func parse(cert, key, ca []byte) (certs.Bundle, error) {
	bundle, err := certs.ParseBundle(cert, key, ca)
	if err != nil {
		return bundle, fmt.Errorf("%w: must be PEM with the leaf certificate first", err)
	}
	return bundle, nil
}

// fileLimit is much larger than any chain.
const fileLimit = 1 << 20

// readFile reads PEM, with or without a private key, or one certificate in DER. Path "-" is standard input.
func (n *inspector) readFile(path string) (loaded, error) {
	in := n.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return loaded{}, err
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, fileLimit))
	if err != nil {
		return loaded{}, err
	}
	if leaf, err := x509.ParseCertificate(data); err == nil {
		return loaded{Bundle: certs.Bundle{Leaf: leaf}, keyElsewhere: true}, nil
	}
	var key []byte
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		key = data
	}
	bundle, err := parse(data, key, nil)
	return loaded{Bundle: bundle, keyElsewhere: key == nil}, err
}

const handshakeTimeout = 10 * time.Second

// readHost reads the certificate from a handshake, without verifying it.
func readHost(ctx context.Context, host, connect string) (loaded, error) {
	name, port := host, "443"
	if h, p, err := net.SplitHostPort(host); err == nil {
		name, port = h, p
	}
	addr := cmp.Or(connect, net.JoinHostPort(name, port))
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return loaded{}, fmt.Errorf("--connect %q is not of the form HOST:PORT", connect)
	}
	seen, err := handshake.Probe{Timeout: handshakeTimeout}.Do(ctx, addr, name)
	if err != nil {
		return loaded{}, fmt.Errorf("cannot get a certificate from %s: %w: check the address, and that it has a certificate for the host", addr, cmp.Or(errors.Unwrap(err), err))
	}
	return loaded{Bundle: certs.Bundle{Leaf: seen.Leaf, Intermediates: seen.Intermediates}, hosts: []string{name}, keyElsewhere: true}, nil
}

// readSSL reads an ssl object from the Admin API, which never returns private keys.
func (n *inspector) readSSL(ctx context.Context, id string) (loaded, error) {
	if len(n.options.AdminURLs) == 0 && n.options.AdminService == "" {
		return loaded{}, errors.New("no gateway is set: set --apisix-admin-url and the admin key, as for the controller")
	}
	if err := n.connectOnce(); n.options.AdminKeySecret+n.options.AdminService != "" && err != nil {
		return loaded{}, err
	}
	admin, err := n.admin(ctx)
	if err != nil {
		return loaded{}, err
	}
	ssl, err := admin.GetSSL(ctx, id)
	switch {
	case apisix.IsNotFound(err):
		return loaded{}, errors.New("ssl object not found in the gateway (apisix-certs status NAME shows the id)")
	case err != nil:
		return loaded{}, fmt.Errorf("%w: run apisix-certs check", err)
	case strings.HasPrefix(ssl.Cert, "$"):
		return loaded{}, fmt.Errorf("the ssl object has a reference instead of a certificate (%s): inspect the host instead", ssl.Cert)
	}
	bundle, err := parse([]byte(ssl.Cert), nil, nil)
	note := ""
	if !ssl.Enabled() {
		note = "the ssl object is disabled, or of type client"
	}
	return loaded{Bundle: bundle, hosts: ssl.Hosts(), note: note, keyElsewhere: true}, err
}

// admin returns a client for the gateway of the flags.
func (n *inspector) admin(ctx context.Context) (*apisix.Client, error) {
	n.options.PushMode, n.options.ClusterName = string(gateway.ModeAuto), "unused"
	if n.access == nil || n.options.AdminKeySecret+n.options.AdminService == "" {
		key := apisix.StaticKey(n.options.AdminKey)
		if n.options.AdminKeyFile != "" {
			key = apisix.KeyFile(n.options.AdminKeyFile)
		}
		files := apisix.ClientTLS{CAFile: n.options.AdminCA, CertFile: n.options.AdminCert, KeyFile: n.options.AdminCertKey}
		config, err := files.Config()
		if err != nil {
			return nil, err
		}
		return apisix.New(apisix.Options{Endpoints: n.options.AdminURLs, AdminKey: key, TLS: config, UserAgent: "apisix-certs/" + buildVersion()})
	}
	known, err := n.options.GatewaysOnce(ctx, n.access)
	if err != nil {
		return nil, err
	}
	g := known.Named(registry.FlagsName)
	if _, err := g.FindMode(ctx); err != nil {
		return nil, fmt.Errorf("%w: run apisix-certs check", err)
	}
	return g.Admin, nil
}
