// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"apisix-certs.io/apisix-certs/certs"
)

// served is the serial that the gateway shows for a host, empty where it shows none.
func (w *world) served(ctx context.Context, host string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	// Nothing is verified here: the serial is compared.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", w.Gateway.TLSAddr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return certs.Serial(conn.(*tls.Conn).ConnectionState().PeerCertificates[0])
}

// checkServed makes a handshake for every host and compares what is shown with the status of its certificate.
func (w *world) checkServed(ctx context.Context) error {
	now := w.certs.now()
	return w.parallel(ctx, "handshakes", w.n, 4, func(ctx context.Context, i int) error {
		if shown := w.served(ctx, hostOf(i)); shown == "" || shown != now[hostOf(i)].serial {
			return fmt.Errorf("%s is Ready and Served in status with serial %s, and the gateway shows %q", hostOf(i), now[hostOf(i)].serial, shown)
		}
		return nil
	})
}

// awaitServed waits until every host is served as its status says.
func (w *world) awaitServed(ctx context.Context, what string, now map[string]standing) error {
	return w.parallel(ctx, what, w.n, 2, func(ctx context.Context, i int) error {
		host := hostOf(i)
		err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, 10*time.Minute, true, func(ctx context.Context) (bool, error) {
			return w.served(ctx, host) == now[host].serial, w.alive()
		})
		if err != nil {
			return fmt.Errorf("%s is not served: %w", host, err)
		}
		return nil
	})
}
