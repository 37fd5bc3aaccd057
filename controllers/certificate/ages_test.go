// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

// TestGatewayAges: beside each gateway that is new enough the same is done, and nothing twice: a key that is shown, encrypted or not, and
// fields that were not sent are no reason to write.
func TestGatewayAges(t *testing.T) {
	for _, age := range []apisixtest.Release{apisixtest.Current, apisixtest.ShowsKeys, apisixtest.ShowsPlainKeys} {
		t.Run("age "+string(age), func(t *testing.T) {
			s := controllertest.New(t)
			s.Gateway.SetRelease(age)
			s.Create("web")
			s.Run()
			inOrder(t, s, "web")
			s.Steps()
			s.Restart()
			s.Pass(time.Hour)
			steps(t, s, "")
			s.Advance(61 * day)
			inOrder(t, s, "web")
			steps(t, s, "sign, update Secret, PUT ssl, update status")
			s.Delete("web")
			s.Run()
			s.Pass(5 * time.Second)
			if s.Cert("web") != nil || len(s.Gateway.SSLs()) > 0 {
				t.Error("certificate or ssl object is left")
			}
		})
	}
}

// tooOld are the gateways that cannot be used, and what the condition says of each: which one, what was found, and the fix.
var tooOld = []struct {
	age        apisixtest.Release
	found, fix string
}{
	{apisixtest.FormV2, "APISIX/3.18.0 responds as Admin API v2", "set deployment.admin.admin_api_version to v3"},
	{apisixtest.Before3, "APISIX/2.15.3 is older than 3.0.0", "upgrade the gateway to APISIX 3.0.0 or later"},
	{apisixtest.Before3Nameless, "the Admin API is older than v3", "run APISIX 3.0.0 or later"},
}

// says fails where Pushed is not False with the reason and the parts in its message.
func says(t *testing.T, s *scene, reason string, parts ...string) {
	t.Helper()
	message := s.Message("web", v1alpha1.ConditionPushed)
	if got := s.Condition("web", v1alpha1.ConditionPushed); got != "False "+reason {
		t.Errorf("Pushed is %s: %s", got, message)
	}
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("%q is not in %q", part, message)
		}
	}
}

// writesToGateway are those of the calls since the last look.
func writesToGateway(s *scene) []string {
	var writes []string
	for _, step := range s.Steps() {
		if strings.HasSuffix(step, " ssl") || strings.HasSuffix(step, " secret") {
			writes = append(writes, step)
		}
	}
	return writes
}

// TestGatewayTooOld: a certificate at a gateway that is too old is issued and kept in its Secret, and nothing is written to the gateway.
// Once that is upgraded all goes on by itself.
func TestGatewayTooOld(t *testing.T) {
	for _, row := range tooOld {
		t.Run(string(row.age), func(t *testing.T) {
			s := controllertest.New(t)
			s.Gateway.SetRelease(row.age)
			s.Create("web")
			s.Pass(time.Minute)
			says(t, s, v1alpha1.ReasonGatewayRefused, "gateway default: ", row.found, row.fix)
			if s.Leaf("shop/web-tls") == nil {
				t.Error("there is no certificate in the Secret")
			}
			if writes := writesToGateway(s); len(writes) > 0 {
				t.Errorf("the gateway was written to: %v", writes)
			}
			s.Gateway.SetRelease(apisixtest.Current)
			s.Pass(2 * time.Minute)
			inOrder(t, s, "web")
			if s.Signed() != 1 {
				t.Errorf("%d certificates were signed", s.Signed())
			}
		})
	}
}

// TestGatewayTurnsOld: a gateway that is set back serves on what it has. A renewal is kept in the Secret and a deletion waits, and both
// are done once the gateway is as before: nothing was taken for gone.
func TestGatewayTurnsOld(t *testing.T) {
	for _, row := range tooOld {
		t.Run(string(row.age), func(t *testing.T) {
			s := issued(t)
			before := s.Served("web.example")
			s.Gateway.SetRelease(row.age)
			s.Advance(61 * day)
			says(t, s, v1alpha1.ReasonGatewayRefused, "gateway default: ", row.found, row.fix)
			if now := s.Leaf("shop/web-tls"); now.Equal(before) {
				t.Error("the certificate is not renewed")
			}
			s.Restart()
			s.Pass(10 * time.Minute)
			s.Delete("web")
			s.Pass(10 * time.Minute)
			if writes := writesToGateway(s); len(writes) > 0 || s.Cert("web") == nil || s.Secret("web-tls") == nil {
				t.Errorf("the gateway was written to (%v), or the certificate is gone though its ssl object is there", writes)
			}
			if served := s.Served("web.example"); served == nil || !served.Equal(before) {
				t.Error("the gateway does not serve what it had")
			}
			s.Gateway.SetRelease(apisixtest.Current)
			s.Pass(10 * time.Minute)
			if s.Cert("web") != nil || len(s.Gateway.SSLs()) > 0 {
				t.Error("certificate or ssl object is left")
			}
		})
	}
}

// failing lets requests be answered with an error of the Admin API, and counts the writes.
func failing(s *scene, status int, body string, reads bool) (writes *int) {
	writes = new(int)
	s.Gateway.Fail(func(r *http.Request) *apisixtest.Failure {
		if r.Method != http.MethodGet {
			*writes++
		} else if !reads {
			return nil
		}
		return &apisixtest.Failure{Status: status, Body: body}
	})
	return writes
}

// TestGatewayEtcdDown: while the gateway does not reach its etcd, its Admin API fails, or answers reads with what it had. Nothing is deleted,
// it is tried again and again, and once etcd is back the renewal is served.
func TestGatewayEtcdDown(t *testing.T) {
	for name, reads := range map[string]bool{"all fails": true, "reads are answered": false} {
		t.Run(name, func(t *testing.T) {
			s := issued(t)
			before := s.Served("web.example")
			writes := failing(s, http.StatusServiceUnavailable, `{"error_msg":"has no healthy etcd endpoint available"}`, reads)
			s.Advance(61 * day)
			s.Pass(10 * time.Minute)
			says(t, s, v1alpha1.ReasonGatewayUnreachable, "gateway default: ", "has no healthy etcd endpoint available", "check that the gateway can reach its etcd")
			if *writes > 200 || !reads && *writes < 3 {
				t.Errorf("%d writes were tried in 10 minutes", *writes)
			}
			if served := s.Served("web.example"); served == nil || !served.Equal(before) {
				t.Error("the gateway does not serve what it had")
			}
			s.Gateway.Fail(nil)
			s.Pass(2 * time.Minute)
			inOrder(t, s, "web")
			if s.Signed() != 2 {
				t.Errorf("%d certificates were signed", s.Signed())
			}
		})
	}
}

// TestGatewayReadOnly: a key that may only read, or a proxy that lets only reads through, is told with what is needed.
func TestGatewayReadOnly(t *testing.T) {
	for name, row := range map[string]struct {
		status    int
		body, fix string
	}{
		"viewer":  {http.StatusUnauthorized, `{"error_msg":"failed to check token","description":"invalid method for role viewer"}`, "this admin key is read-only, use one with the role admin"},
		"address": {http.StatusForbidden, `<html>403 Forbidden</html>`, "admin.allow_admin"},
		"proxy":   {http.StatusMethodNotAllowed, `<html>405 Not Allowed</html>`, "allow PUT, PATCH and DELETE requests"},
	} {
		t.Run(name, func(t *testing.T) {
			s := issued(t)
			before := s.Served("web.example")
			writes := failing(s, row.status, row.body, false)
			s.Advance(61 * day)
			s.Pass(10 * time.Minute)
			says(t, s, v1alpha1.ReasonGatewayRefused, "gateway default: ", row.fix)
			if *writes == 0 || *writes > 20 {
				t.Errorf("%d writes were tried in 10 minutes", *writes)
			}
			if served := s.Served("web.example"); served == nil || !served.Equal(before) {
				t.Error("the gateway does not serve what it had")
			}
			s.Gateway.Fail(nil)
			s.Pass(2 * time.Minute)
			inOrder(t, s, "web")
		})
	}
}
