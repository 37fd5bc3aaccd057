// SPDX-License-Identifier: Apache-2.0

// Command show serves the status page with made-up certificates, to look at it by hand:
//
//	cd test/page && go run ./show -n 10000
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"time"

	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/controllers/page"
	madeup "apisix-certs.io/apisix-certs/test/page"
)

func main() {
	n := flag.Int("n", 1000, "certificates")
	address := flag.String("address", "127.0.0.1:8089", "address to listen on")
	change := flag.Duration("change", 2*time.Second, "how often one certificate changes; 0 for never")
	flag.Parse()
	feed := madeup.MadeUp(*n, time.Now())
	if *change > 0 && *n > 0 {
		go changes(feed, *n, *change)
	}
	fmt.Printf("made-up certificates at http://%s/\n", *address)
	if err := http.ListenAndServe(*address, page.Handler(feed, clock.RealClock{}, nil)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func changes(feed *page.Feed, n int, pace time.Duration) {
	for range time.Tick(pace) {
		now := time.Now()
		cert := madeup.Certificate(rand.IntN(n), now)
		if rand.IntN(2) == 0 && len(cert.Status.Gateways) > 0 {
			madeup.NotServed(&cert, now)
		}
		feed.PutCertificate(page.CertificateOf(&cert))
	}
}
