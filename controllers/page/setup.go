// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"apisix-certs.io/apisix-certs/controllers/access"
)

// shown are the permissions that are required to see the page: to list everything that it shows, in all namespaces.
var shown = []access.Right{
	{Verb: "list", Resource: "apisixcertificates"}, {Verb: "list", Resource: "vaultissuers"}, {Verb: "list", Resource: "clustervaultissuers"},
}

// Options are the options of Setup.
type Options struct {
	Address string // HOST:PORT; empty disables the page
	Clock   clock.WithTicker
}

// Setup adds the page to mgr. It is served while mgr runs, whether it is the leader or not. Setup returns an error if it cannot
// listen on the address.
func Setup(ctx context.Context, mgr ctrl.Manager, options Options) error {
	if options.Address == "" {
		return nil
	}
	guard, err := guardOf(mgr, options)
	if err != nil {
		return err
	}
	feed := NewFeed()
	if err := feed.follow(ctx, mgr.GetCache()); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return fmt.Errorf("--page-bind-address: %w", err)
	}
	return mgr.Add(&manager.Server{Name: "page", Listener: listener, Server: newServer(Handler(feed, options.Clock, guard))})
}

func guardOf(mgr ctrl.Manager, options Options) (func(http.Handler) http.Handler, error) {
	local, err := Loopback(options.Address)
	if err != nil {
		return nil, fmt.Errorf("--page-bind-address: %w", err)
	}
	if local {
		return localOnly, nil
	}
	kube, err := kubernetes.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("create a client for TokenReviews: %w", err)
	}
	return (&access.Guard{Kube: kube, Clock: options.Clock, Rights: shown}).Handler, nil
}

// newServer returns a server that closes its streams when it shuts down, as it would otherwise wait for them.
func newServer(handler http.Handler) *http.Server {
	ctx, end := context.WithCancel(context.Background())
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		WriteTimeout: time.Minute, // extended by streams
		BaseContext:  func(net.Listener) context.Context { return ctx },
	}
	server.RegisterOnShutdown(end)
	return server
}
