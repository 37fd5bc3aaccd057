// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"regexp"
	"slices"
)

// connection is what a request on the TLS port knows about its handshake.
type connection struct {
	sni    string
	serial string // of the served leaf, lower-case hex without colons
	skip   []*regexp.Regexp
	mutual bool // the object requires a client certificate
}

type connectionKey struct{}

func withConnection(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{})
}

// An error of GetConfigForClient becomes alert 80, internal error, as in APISIX.
var errNoCertificate = errors.New("no certificate for this server name")

// secure adds TLS to a listener.
func (s *Server) secure(listener net.Listener) net.Listener {
	return tls.NewListener(listener, &tls.Config{GetConfigForClient: s.configFor, MinVersion: tls.VersionTLS11})
}

// configFor selects the object by the server name, and returns its TLS settings.
func (s *Server) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s.expire()
	object := s.served.find(normal(hello.ServerName))
	if object == nil {
		return nil, errNoCertificate
	}
	served, err := s.pick(object, hello)
	if err != nil {
		return nil, err
	}
	if c, ok := hello.Context().Value(connectionKey{}).(*connection); ok {
		*c = connection{
			sni: hello.ServerName, serial: hex.EncodeToString(served.Leaf.SerialNumber.Bytes()),
			skip: object.skip, mutual: object.roots != nil,
		}
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{*served}, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
	}
	config.MinVersion, config.MaxVersion = object.versions(hello.SupportedVersions)
	if object.roots != nil {
		config.ClientCAs = object.roots
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if len(object.skip) > 0 {
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	}
	return config, nil
}

// versions returns the highest common version as lower and upper limit, so that a list may have gaps. Without a common
// version, the limits contradict each other, and the handshake fails with alert 70.
func (c *certificate) versions(client []uint16) (lower, upper uint16) {
	own := c.protocols
	if own == nil {
		own = defaultProtocols
	}
	for _, version := range slices.Backward(slices.Sorted(slices.Values(own))) {
		if slices.Contains(client, version) {
			return version, version
		}
	}
	return tls.VersionTLS13, tls.VersionTLS12
}

// pick returns the first pair that the client supports, or the main one if there is none.
func (s *Server) pick(object *certificate, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	anyName := *hello
	anyName.ServerName = "" // APISIX does not compare the name with those in the certificate
	var main *tls.Certificate
	for i := range object.pairs {
		p, err := s.secrets.resolve(&object.pairs[i])
		if err != nil {
			return nil, err
		}
		if p.fault != nil {
			return nil, p.fault
		}
		if main == nil {
			main = &p.certificate
		}
		if anyName.SupportsCertificate(&p.certificate) == nil {
			return &p.certificate, nil
		}
	}
	return main, nil
}

// serveGateway responds to each request on the TLS port with facts of its handshake.
func serveGateway(w http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(connectionKey{}).(*connection)
	if !ok {
		page(http.StatusInternalServerError).write(w)
		return
	}
	if c.mutual && len(r.TLS.PeerCertificates) == 0 && !c.skips(r.URL.Path) {
		page(http.StatusBadRequest).write(w)
		return
	}
	jsonReply(http.StatusOK, map[string]string{
		"stand_in": "apisixtest", "sni": c.sni, "serial": c.serial, "path": r.URL.Path,
	}).write(w)
}

func (c *connection) skips(path string) bool {
	return slices.ContainsFunc(c.skip, func(expression *regexp.Regexp) bool { return expression.MatchString(path) })
}
