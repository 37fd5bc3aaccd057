// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"apisix-certs.io/apisix-certs/controllers/access"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// metricsServer returns the options of the metrics server: HTTP without authorization, or HTTPS for users that may get /metrics.
// The server certificate is self-signed and created at startup.
func (o *Options) metricsServer() metricsserver.Options {
	served := metricsserver.Options{BindAddress: o.MetricsAddr, FilterProvider: everybody}
	if o.MetricsSecure {
		served.SecureServing, served.FilterProvider = true, metricsReaders
	}
	return served
}

// everybody serves metrics without authorization. It replaces the handler of the server, see metrics.Handler.
func everybody(*rest.Config, *http.Client) (metricsserver.Filter, error) {
	return func(logr.Logger, http.Handler) (http.Handler, error) { return metrics.Handler(), nil }, nil
}

func metricsReaders(config *rest.Config, client *http.Client) (metricsserver.Filter, error) {
	kube, err := kubernetes.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, fmt.Errorf("create a client for TokenReviews: %w", err)
	}
	guard := &access.Guard{Kube: kube, Clock: clock.RealClock{}, Rights: []access.Right{{Verb: "get", Path: "/metrics"}}}
	return func(logr.Logger, http.Handler) (http.Handler, error) { return guard.Handler(metrics.Handler()), nil }, nil
}
