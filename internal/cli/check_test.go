// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
)

func TestSplitMessage(t *testing.T) {
	for message, want := range map[string][2]string{
		"the connection was refused: check server":                          {"the connection was refused", "check server"},
		"spec.secretName: Secret a exists; use another, or set x: \"true\"": {"spec.secretName: Secret a exists", "use another, or set x: \"true\""},
		"keys are refused: set privateKey.algorithm: RSA":                   {"keys are refused", "set privateKey.algorithm: RSA"},
		"nothing is said": {"nothing is said", "see the log"},
	} {
		problem, fix := splitMessage(message, "see the log")
		if diff := cmp.Diff(want, [2]string{problem, fix}); diff != "" {
			t.Errorf("%s: %s", message, diff)
		}
	}
}

func TestLackingFields(t *testing.T) {
	field := func(properties map[string]any) map[string]any { return map[string]any{"properties": properties} }
	ours := field(map[string]any{"spec": field(map[string]any{"a": field(nil), "list": map[string]any{"items": field(map[string]any{"b": field(nil)})}})})
	theirs := field(map[string]any{"spec": field(map[string]any{"list": map[string]any{"items": field(nil)}})})
	if diff := cmp.Diff([]string{"spec.a", "spec.list[].b"}, lackingFields(ours, theirs, "")); diff != "" {
		t.Error(diff)
	}
	if lacking := lackingFields(theirs, ours, ""); lacking != nil {
		t.Errorf("a newer one lacks %v", lacking)
	}
}

// Permissions to authenticate readers are needed if the controller does so, wherever its flags are known from.
func TestReaderRights(t *testing.T) {
	for name, row := range map[string]struct {
		given controllers.Options
		args  []string // nil: no Deployment is found
		fix   string   // a part; empty: no rights are needed
		known bool
	}{
		"nothing known":              {},
		"neither":                    {args: []string{}, known: true},
		"a page in the Pod alone":    {args: []string{"--page-bind-address=127.0.0.1:8089"}, known: true},
		"a page of no address":       {args: []string{"--page-bind-address=8089"}, known: true},
		"a page for others":          {args: []string{"--page-bind-address=:8089"}, fix: "page.service.enabled=true", known: true},
		"guarded metrics":            {args: []string{"--metrics-secure"}, fix: "metrics.secure=true", known: true},
		"no metrics to guard":        {args: []string{"--metrics-secure", "--metrics-bind-address=0"}, known: true},
		"a page given":               {given: controllers.Options{PageAddr: ":8089"}, fix: "page.service.enabled=true"},
		"a gateway given beside":     {given: controllers.Options{AdminURLs: []string{"http://mine"}}, args: []string{"--metrics-secure"}, fix: "metrics.secure=true", known: true},
		"given beside a Deployment":  {given: controllers.Options{MetricsSecure: true}, args: []string{}, fix: "metrics.secure=true", known: true},
		"a command line of nonsense": {args: []string{"--metrics-secure=7"}},
	} {
		d := checker{options: row.given, home: client.ObjectKey{Namespace: "ours", Name: "account"}}
		d.useControllerOptions(row.args, nil)
		rights, fix := d.readerRights()
		if (len(rights) == 2) != (row.fix != "") || d.readersKnown != row.known {
			t.Errorf("%s: rights %v, known: %t", name, rights, d.readersKnown)
		}
		if len(rights) > 0 && (!strings.Contains(fix, row.fix) || !strings.Contains(fix, "--serviceaccount=ours:account")) {
			t.Errorf("%s: fix %q", name, fix)
		}
	}
}

func TestUseControllerOptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cmdline")
	line := "/apisix-certs\x00controller\x00--apisix-admin-service=apisix/admin:9180\x00--apisix-admin-key-secret=a/b\x00--newer=1\x00--leader-elect=false\x00"
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	var d checker
	d.useControllerOptions(firstProcessArgs(file), []corev1.EnvVar{{Name: "APISIX_CERTS_APISIX_TLS_ADDR", Value: "a:443"}})
	if o := d.options; o.AdminService != "apisix/admin:9180" || o.AdminKeySecret != "a/b" || len(o.TLSAddrs) != 1 || o.LeaderElect {
		t.Errorf("the options are %+v", o)
	}
	d.options = controllers.Options{AdminURLs: []string{"http://mine"}}
	d.useControllerOptions(firstProcessArgs(file), nil)
	if o := d.options; o.AdminService != "" || o.AdminURLs[0] != "http://mine" {
		t.Errorf("the options given here are lost: %+v", o)
	}
	d.useControllerOptions([]string{"--watch-namespaces=shop,web"}, nil)
	if o := d.options; !slices.Equal(o.WatchNamespaces, []string{"shop", "web"}) || o.AdminURLs[0] != "http://mine" {
		t.Errorf("the controller's namespaces are not taken: %+v", o)
	}
	d.options.WatchNamespaces = []string{"mine"}
	d.useControllerOptions([]string{"--watch-namespaces=shop,web"}, nil)
	if o := d.options; !slices.Equal(o.WatchNamespaces, []string{"mine"}) {
		t.Errorf("the namespaces given here are lost: %+v", o)
	}
	if err := os.WriteFile(file, []byte("/sbin/init\x00controller\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if args := firstProcessArgs(file); args != nil {
		t.Errorf("another process is taken for the controller: %v", args)
	}
}
