// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// A gateway whose store was emptied is noticed without anybody telling, and is whole again without a new certificate.
func TestGatewayRebuild(t *testing.T) {
	const n = 100
	s := newScene(t)
	for i := range n {
		s.certificate(fmt.Sprintf("w%d", i), []string{s.rebuildHost(i)})
	}
	serials := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("w%d", i)
		s.ready(name, s.rebuildHost(i))
		serials[name] = s.cert(name).Status.Issued.SerialNumber
	}
	signed, asked := s.vault.Count(sign), s.admin.Count(anyCall)
	began := time.Now()
	s.emptyGateway()
	missing := s.unservedHosts(n)
	s.until("rebuild", func() string {
		if missing = s.stillUnserved(missing); len(missing) > 0 {
			return fmt.Sprintf("%d hosts are not served", len(missing))
		}
		return ""
	})
	t.Logf("measure: gateway_rebuild_noticed n=%d seconds=%.2f requests=%d", n, time.Since(began).Seconds(), s.admin.Count(anyCall)-asked)
	for i := range n {
		name := fmt.Sprintf("w%d", i)
		s.ready(name, s.rebuildHost(i))
		if s.cert(name).Status.Issued.SerialNumber != serials[name] {
			t.Errorf("%s was issued anew", name)
		}
	}
	if more := s.vault.Count(sign) - signed; more > 0 {
		t.Errorf("%d certificates were asked of Vault", more)
	}
}

func (s *scene) rebuildHost(i int) string { return fmt.Sprintf("w%d.%s", i, s.domain) }

func (s *scene) unservedHosts(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

func (s *scene) stillUnserved(hosts []int) []int {
	var left []int
	for _, i := range hosts {
		if len(left) > 0 {
			left = append(left, i) // one is enough to know that it is not over
			continue
		}
		if s.unserved(fmt.Sprintf("w%d-tls", i), s.rebuildHost(i)) != "" {
			left = append(left, i)
		}
	}
	return left
}

// emptyGateway takes all ssl objects away.
func (s *scene) emptyGateway() {
	s.Helper()
	if s.StandIn != nil {
		s.StandIn.Wipe()
		return
	}
	list, err := s.gateway.ListSSLs(s.Context())
	s.must(err)
	for _, ssl := range list {
		if ssl.Labels["managed-by"] == "apisix-certs" {
			s.must(s.gateway.DeleteSSL(s.Context(), ssl.ID))
		}
	}
}

// An object that was edited by hand is as it was before, at the next look at the latest.
func TestEditedByHand(t *testing.T) {
	s := newScene(t)
	host := "web." + s.domain
	s.certificate("web", []string{host})
	s.ready("web", host)
	object := s.ssls(host)[0]
	zero := 0
	object.Status, object.Key = &zero, string(s.keptSecret("web-tls").Data["tls.key"])
	_, err := s.gateway.PutSSL(t.Context(), object)
	s.must(err)
	s.until("repair", func() string { return s.unserved("web-tls", host) })
	s.ready("web", host)
}

func anyCall(cluster.Call) bool { return true }
