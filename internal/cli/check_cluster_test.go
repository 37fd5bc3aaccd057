// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func testCheck(w *world) {
	w.Setenv("APISIX_CERTS_APISIX_ADMIN_KEY", w.Gateway.AdminKey)
	w.setUpRoles()
	falseAlarms := 0
	healthy := func(more ...[]string) {
		for _, args := range append(more, nil, []string{"--as", "system:serviceaccount:apisix-certs:apisix-certs"}, []string{"-n", "default"}) {
			said, findings := w.check(args...)
			falseAlarms += len(findings)
			w.want(said, 0)
		}
	}
	healthy([]string{"--page-bind-address", "127.0.0.1:8089"})
	w.checkWithoutGateway()
	found := 0
	faults := w.faults()
	for i, f := range faults {
		w.Run(f.name, func(t *testing.T) {
			here, ns := w.at(t), fmt.Sprintf("fault-%d", i)
			here.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
			f.plant(here, ns)
			ok, others := here.finds(f, ns)
			falseAlarms += others
			if ok {
				found++
			}
			here.clear(ns)
		})
	}
	w.startController()
	w.delegate()
	healthy([]string{"--page-bind-address", ":8089"}, []string{"--metrics-secure"})
	fmt.Printf("measure: check_faults_found planted=%d found=%d false_alarms=%d\n", len(faults), found, falseAlarms)
	if len(faults) < 15 || found != len(faults) || falseAlarms > 0 {
		w.Error("a planted fault was not found, or there are other findings")
	}
}

// checkWithoutGateway: what could not be checked is skipped, and never ok.
func (w *world) checkWithoutGateway() {
	w.Helper()
	said := w.command("check", "-o", "json")
	var result diagnosis
	w.must(json.Unmarshal([]byte(said.out), &result))
	states := map[string]state{}
	for _, c := range result.Checks {
		states[c.Name] = c.State
		if (c.State == stateOK) != (c.Findings == 0 && len(c.Notes) == 0) {
			w.Errorf("%s is %s with %d findings and notes %q", c.Name, c.State, c.Findings, c.Notes)
		}
	}
	fmt.Printf("measure: check_states ok=%d skipped=%d failed=%d\n", result.Summary[stateOK], result.Summary[stateSkipped], result.Summary[stateFailed])
	if states["gateways"] != stateSkipped || states["CRDs"] != stateOK || result.Summary[stateFailed] > 0 {
		w.Errorf("the states are %v", states)
	}
	w.want(w.command("check"), 0, "skipped gateways: none known (set --apisix-admin-url)\n", fmt.Sprintf("\n%d checks: %d ok, %d skipped, 0 failed\n",
		len(result.Checks), result.Summary[stateOK], result.Summary[stateSkipped]))
}

// check runs check on the gateway of this world. args can replace its flags.
func (w *world) check(args ...string) (result, []finding) {
	w.Helper()
	all := []string{"check", "-o", "json"}
	for flag, value := range map[string]string{"--apisix-admin-url": w.Gateway.AdminURL, "--apisix-tls-addr": w.Gateway.TLSAddr} {
		if !strings.Contains(strings.Join(args, " "), flag) {
			all = append(all, flag, value)
		}
	}
	said := w.command(append(all, args...)...)
	var result diagnosis
	if err := json.Unmarshal([]byte(said.out), &result); err != nil {
		w.Fatalf("%v:\n%s%s", err, said.out, said.errOut)
	}
	return said, result.Findings
}

// finds reports whether check finds the fault, and the number of other findings. It waits for the status that the controller writes.
func (w *world) finds(f fault, ns string) (ok bool, others int) {
	w.Helper()
	args := []string{}
	for _, arg := range f.args {
		args = append(args, strings.NewReplacer("$ns", ns, "$admin", strings.TrimPrefix(w.Gateway.AdminURL, "http://"), "$vault", w.Vault.Address).Replace(arg))
	}
	var said result
	var findings []finding
	for began := time.Now(); !ok && time.Since(began) < 10*time.Second; {
		said, findings = w.check(args...)
		others = 0
		for _, one := range findings {
			if strings.Contains(one.Object, strings.ReplaceAll(f.object, "$ns", ns)) && strings.Contains(one.Field+" "+one.Problem, f.where) && strings.Contains(one.Fix, f.fix) {
				ok = true
			} else if !strings.Contains(one.Problem, f.where) { // a finding of a certificate about the same fault does not count
				others++
			}
		}
	}
	if !ok || others > 0 || said.code != exitFound {
		w.Errorf("exit code %d, found %t, %d others:\n%s%s", said.code, ok, others, said.out, said.errOut)
	}
	return ok, others
}

// clear deletes the certificates and issuers of a fault.
func (w *world) clear(ns string) {
	w.Helper()
	for _, object := range []client.Object{&configv2.ApisixTls{}, &v1alpha1.ApisixCertificate{}} {
		w.must(w.Client.DeleteAllOf(w.Context(), object, client.InNamespace(ns)))
	}
	w.until("certificates of "+ns, func() string {
		var left v1alpha1.ApisixCertificateList
		w.must(w.Client.List(w.Context(), &left, client.InNamespace(ns)))
		if len(left.Items) > 0 {
			return "some are left"
		}
		return ""
	})
	w.must(w.Client.DeleteAllOf(w.Context(), &v1alpha1.VaultIssuer{}, client.InNamespace(ns)))
}
