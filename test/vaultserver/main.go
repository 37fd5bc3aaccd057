// SPDX-License-Identifier: Apache-2.0

// Command vaultserver is a Vault server with what apisix-certs uses of it: the engines pki and kv, and the logins
// token, approle, cert, jwt and kubernetes. It is a tool of the tests, the demo and the benchmarks.
//
//	vaultserver -dev                                      a fresh server in memory: unsealed, kv-v2 at secret/
//	vaultserver -init -storage file -path DIR             a fresh server on disk: initialised, unsealed
//	vaultserver -storage file -path DIR                   the same server later: sealed, as Vault always starts
//	vaultserver ... -listen 127.0.0.1:0 -tls-cert FILE -tls-key FILE
//
// Once it answers it prints one line of JSON, {"address", "token", "unseal_key"}, the last two only where it has
// just initialised the server. It logs to standard error and ends on SIGTERM. It has no plugins from outside, no
// high availability, no audit devices and no other seal than the unseal key.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/vault"
)

type options struct {
	dev, init       bool
	storage, path   string
	listen          string
	tlsCert, tlsKey string
	logLevel        string
}

// ready is the line that tells the starter where the server is. Token and key are empty for a server that was
// initialised in an earlier run.
type ready struct {
	Address   string `json:"address"`
	Token     string `json:"token,omitempty"`
	UnsealKey string `json:"unseal_key,omitempty"`
}

func main() {
	o := options{}
	flag.BoolVar(&o.dev, "dev", false, "initialise, unseal and mount kv-v2 at secret/")
	flag.BoolVar(&o.init, "init", false, "initialise and unseal a fresh storage")
	flag.StringVar(&o.storage, "storage", "inmem", "inmem or file")
	flag.StringVar(&o.path, "path", "", "folder of the file storage")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to listen on")
	flag.StringVar(&o.tlsCert, "tls-cert", "", "PEM file of the server's certificate and chain; plain HTTP without")
	flag.StringVar(&o.tlsKey, "tls-key", "", "PEM file of the server's private key")
	flag.StringVar(&o.logLevel, "log-level", "info", "trace, debug, info, warn or error")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "vaultserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.LevelFromString(o.logLevel)})
	listener, scheme, err := listen(o)
	if err != nil {
		return err
	}
	core, err := newCore(o, logger)
	if err != nil {
		return err
	}
	line := ready{Address: scheme + "://" + listener.Addr().String()}
	if o.dev || o.init {
		if line.Token, line.UnsealKey, err = initialise(core, o.dev); err != nil {
			return err
		}
	}
	server := &http.Server{Handler: handler(core), ErrorLog: logger.StandardLogger(nil), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	return errors.Join(err, shutdown(server, core))
}

func shutdown(server *http.Server, core *vault.Core) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = server.Shutdown(ctx) // a client that hangs on must not keep the server
	return core.Shutdown()
}

func listen(o options) (net.Listener, string, error) {
	listener, err := net.Listen("tcp", o.listen)
	if err != nil || o.tlsCert == "" {
		return listener, "http", err
	}
	pair, err := tls.LoadX509KeyPair(o.tlsCert, o.tlsKey)
	if err != nil {
		return nil, "", err
	}
	// Vault's cert login judges the client's certificate itself; the handshake has only to ask for one.
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"}}
	return tls.NewListener(listener, config), "https", nil
}

func handler(core *vault.Core) http.Handler {
	return vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core: core,
		// Vault's command fills these in while it reads its configuration; zero lets no request pass.
		ListenerConfig: &configutil.Listener{
			MaxRequestSize:                 vaulthttp.DefaultMaxRequestSize,
			MaxRequestDuration:             vault.DefaultMaxRequestDuration,
			CustomMaxJSONDepth:             vaulthttp.CustomMaxJSONDepth,
			CustomMaxJSONStringValueLength: vaulthttp.CustomMaxJSONStringValueLength,
			CustomMaxJSONObjectEntryCount:  vaulthttp.CustomMaxJSONObjectEntryCount,
			CustomMaxJSONArrayElementCount: vaulthttp.CustomMaxJSONArrayElementCount,
			CustomMaxJSONToken:             vaulthttp.CustomMaxJSONToken,
		},
	})
}
