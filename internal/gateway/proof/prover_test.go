// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// tlsPort is a gateway's TLS port that counts the handshakes with it.
type tlsPort struct {
	addr  string
	count atomic.Int64
	// shows gives the certificate for a name; nil: none.
	shows atomic.Pointer[func(name string) *tls.Certificate]
}

func newPort(t *testing.T, shows func(string) *tls.Certificate) *tlsPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	p := &tlsPort{addr: listener.Addr().String()}
	p.shows.Store(&shows)
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		p.count.Add(1)
		if shown := (*p.shows.Load())(hello.ServerName); shown != nil {
			return shown, nil
		}
		return nil, fmt.Errorf("none for %s", hello.ServerName)
	}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = tls.Server(conn, config).Handshake()
			}()
		}
	}()
	return p
}

func pair(t *testing.T, hosts ...string) (tls.Certificate, string) {
	t.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{})
	if err != nil {
		t.Fatal(err)
	}
	ca := certstest.NewCA(t, "test", time.Now().Add(time.Hour))
	leaf := ca.Sign(t, &x509.Certificate{DNSNames: hosts, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Minute)}, key.Public())
	one, err := tls.X509KeyPair(certstest.PEM(leaf), key.PEM(certs.PKCS8))
	if err != nil {
		t.Fatal(err)
	}
	return one, certs.Fingerprint(leaf)
}

func manyHosts(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("h%d.example.com", i))
	}
	return all
}

// TestFewHandshakes: a host that shows another leaf costs few handshakes, at first and even fewer when the proof is repeated,
// and so does a gateway of which all hosts are wrong.
func TestFewHandshakes(t *testing.T) {
	hosts := manyHosts(200)
	good, fingerprint := pair(t, hosts...)
	other, _ := pair(t, hosts...)
	for name, test := range map[string]struct {
		shows       func(string) *tls.Certificate
		first, next int64
		host        string
	}{
		"all are wrong": {func(string) *tls.Certificate { return &other }, 70, 20, "h0.example.com"},
		"all have none": {func(string) *tls.Certificate { return nil }, 70, 20, "h0.example.com"},
		"one is shadowed": {func(name string) *tls.Certificate {
			if name == "h7.example.com" {
				return &other
			}
			return &good
		}, 70, 20, "h7.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			port, prover := newPort(t, test.shows), &Prover{}
			for i := range 4 {
				began := time.Now()
				port.count.Store(0)
				p := prover.Prove(t.Context(), []string{port.addr}, hosts, fingerprint)
				most := test.next
				if i == 0 {
					most = test.first
				}
				if n := port.count.Load(); n > most || n == 0 {
					t.Errorf("proof %d made %d handshakes, want %d at most", i, n, most)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %s", took)
				}
				if p.Served || p.Host != test.host || !p.Fixable() {
					t.Errorf("proof %d: %+v", i, p)
				}
			}
			shown := func(string) *tls.Certificate { return &good }
			port.shows.Store(&shown)
			port.count.Store(0)
			if p := prover.Prove(t.Context(), []string{port.addr}, hosts, fingerprint); !p.Served || port.count.Load() != maxHosts {
				t.Errorf("once it is served: %+v after %d handshakes", p, port.count.Load())
			}
		})
	}
}

// TestAgainPerSecond: however many certificates are not served, what is asked again is bounded.
func TestAgainPerSecond(t *testing.T) {
	port := newPort(t, func(string) *tls.Certificate { return nil })
	prover := &Prover{}
	prover.Prove(t.Context(), []string{port.addr}, []string{"warm.example.com"}, "0")
	began := time.Now()
	port.count.Store(0)
	const certificates = 300
	done := make(chan struct{})
	for i := range certificates {
		go func() {
			defer func() { done <- struct{}{} }()
			prover.Prove(t.Context(), []string{port.addr}, []string{fmt.Sprintf("h%d.example.com", i)}, fmt.Sprint(i))
		}()
	}
	for range certificates {
		<-done
	}
	most := int64(certificates + retriesPerSecond + int(retriesPerSecond*time.Since(began).Seconds()) + 1)
	if n := port.count.Load(); n > most {
		t.Errorf("%d handshakes in %s, want %d at most", n, time.Since(began), most)
	}
}

// TestManyPods: the handshakes of one proof are bounded with many pods too, and each pod is asked.
func TestManyPods(t *testing.T) {
	hosts := manyHosts(100)
	good, fingerprint := pair(t, hosts...)
	var ports []*tlsPort
	var addrs []string
	for range 40 {
		port := newPort(t, func(string) *tls.Certificate { return &good })
		ports, addrs = append(ports, port), append(addrs, port.addr)
	}
	if p := (&Prover{}).Prove(t.Context(), addrs, hosts, fingerprint); !p.Served {
		t.Errorf("%+v", p)
	}
	total := int64(0)
	for _, port := range ports {
		if port.count.Load() == 0 {
			t.Error("a pod was not asked")
		}
		total += port.count.Load()
	}
	if total > maxFirstHandshakes {
		t.Errorf("%d handshakes", total)
	}
}

// TestLag: hosts that follow one after the other are all seen, as long as they follow in time.
func TestLag(t *testing.T) {
	hosts := manyHosts(20)
	good, fingerprint := pair(t, hosts...)
	old, _ := pair(t, hosts...)
	began := time.Now()
	port := newPort(t, func(name string) *tls.Certificate {
		var i int
		_, _ = fmt.Sscanf(name, "h%d.", &i)
		if time.Since(began) < time.Duration(i)*10*time.Millisecond {
			return &old
		}
		return &good
	})
	if p := (&Prover{}).Prove(t.Context(), []string{port.addr}, hosts, fingerprint); !p.Served {
		t.Errorf("%+v", p)
	}
}
