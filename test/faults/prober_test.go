// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync"
	"time"
)

// probePause is between two handshakes for one host.
const probePause = 20 * time.Millisecond

// prober connects to the gateway for every host all the time, past everything that is between it and the controller.
type prober struct {
	addr  string
	roots *x509.CertPool // under which everything shown must verify

	mu    sync.Mutex
	hosts map[string]context.CancelFunc
	ends  sync.WaitGroup
	dark  string // the host that the gateway itself cannot serve, or everyHost
	count probes
}

// probes are counts of handshakes.
type probes struct {
	tries int
	wrong []string // refused, or with a certificate that is not valid for the host
	dark  int      // wrong ones while the gateway had no valid certificate to show
}

func newProber(addr string) *prober {
	return &prober{addr: addr, hosts: map[string]context.CancelFunc{}}
}

// add probes for hosts from now on.
func (p *prober) add(hosts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, host := range hosts {
		if p.hosts[host] == nil {
			ctx, cancel := context.WithCancel(context.Background())
			p.hosts[host] = cancel
			p.ends.Go(func() { p.probe(ctx, host) })
		}
	}
}

// remove ends the probes for a host that is not to be served any more.
func (p *prober) remove(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if end := p.hosts[host]; end != nil {
		end()
		delete(p.hosts, host)
	}
}

// everyHost stands for all hosts.
const everyHost = "*"

// darken says for which host the gateway cannot show a certificate, being down or empty.
func (p *prober) darken(dark string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dark = dark
}

func (p *prober) isDark(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dark == host || p.dark == everyHost
}

// take returns the counts since the last take.
func (p *prober) take() probes {
	p.mu.Lock()
	defer p.mu.Unlock()
	count := p.count
	p.count = probes{}
	return count
}

// stop ends all probes.
func (p *prober) stop() {
	p.mu.Lock()
	for host, end := range p.hosts {
		end()
		delete(p.hosts, host)
	}
	p.mu.Unlock()
	p.ends.Wait()
}

func (p *prober) probe(ctx context.Context, host string) {
	for ctx.Err() == nil {
		dark := p.isDark(host)
		err := p.check(host)
		if ctx.Err() == nil {
			p.note(host, err, dark || p.isDark(host))
		}
		time.Sleep(probePause)
	}
}

func (p *prober) note(host string, err error, dark bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.tries++
	switch {
	case err == nil:
	case dark:
		p.count.dark++
	default:
		p.count.wrong = append(p.count.wrong, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), host, err))
	}
}

// check is one handshake. What is shown must be valid for host now, with what is shown beside it.
func (p *prober) check(host string) error {
	leaf, between, err := shown(p.addr, host)
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: p.roots, Intermediates: between, DNSName: host})
	return err
}

// shown is what a gateway shows for a host: the leaf, and what stands beside it.
func shown(addr, host string) (*x509.Certificate, *x509.CertPool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// Nothing is verified here, so that the caller can say what is wrong.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	chain := conn.(*tls.Conn).ConnectionState().PeerCertificates
	between := x509.NewCertPool()
	for _, ca := range chain[1:] {
		between.AddCert(ca)
	}
	return chain[0], between, nil
}
