// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/source"
)

// good options, changed by the edits.
func newOptions(edits ...func(*Options)) Options {
	o := Options{PushMode: "auto", Manage: "annotated", Workers: 1, LeaseName: "lease"}
	for _, edit := range edits {
		edit(&o)
	}
	return o
}

func TestOptionFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Options)
		says string // empty: nothing is wrong
	}{
		{"none", func(*Options) {}, ""},
		{"all", func(o *Options) { o.Manage, o.DefaultIssuer = "all", "ClusterVaultIssuer/vault" }, ""},
		{"all without issuer", func(o *Options) { o.Manage = "all" }, "--manage all requires a default issuer: set --default-issuer KIND/NAME"},
		{"manage", func(o *Options) { o.Manage = "some" }, `--manage "some" must be one of annotated, all`},
		{"push mode", func(o *Options) { o.PushMode = "" }, `--push-mode "" must be one of auto, own, adopt, secret`},
		{"namespaces", func(o *Options) { o.NamespaceSelector = "a in" }, `--namespace-selector "a in" is not a label selector`},
		{"watched", func(o *Options) { o.WatchNamespaces = []string{"shop", "web"} }, ""},
		{"watched by no name", func(o *Options) { o.WatchNamespaces = []string{"shop", "team/web"} }, `--watch-namespaces: "team/web" is not a valid name of a namespace`},
		{"watched with a comma too many", func(o *Options) { o.WatchNamespaces = []string{"shop", ""} }, `--watch-namespaces: "" is not a valid name of a namespace`},
		{"lease", func(o *Options) { o.LeaseName = "A" }, `--lease-name "A" is not a valid name of a Lease`},
		{"workers", func(o *Options) { o.Workers = 0 }, "--workers 0 must be at least 1"},
		{"page", func(o *Options) { o.PageAddr = "127.0.0.1:8089" }, ""},
		{"page without port", func(o *Options) { o.PageAddr = "127.0.0.1" }, `--page-bind-address "127.0.0.1" is not of the form HOST:PORT`},
		{"issuer without kind", func(o *Options) { o.DefaultIssuer = "vault" }, `--default-issuer "vault" is not of the form`},
		{"issuer of no kind", func(o *Options) { o.DefaultIssuer = "Pod/vault" }, `--default-issuer "Pod/vault" is not of the form`},
		{"issuer without name", func(o *Options) { o.DefaultIssuer = "VaultIssuer/" }, `--default-issuer "VaultIssuer/" is not of the form`},
		{"issuer with a namespace", func(o *Options) { o.DefaultIssuer = "VaultIssuer/a/b" }, `--default-issuer "VaultIssuer/a/b" is not of the form`},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newOptions(c.edit)
			err := o.Validate()
			if (err == nil) != (c.says == "") || err != nil && !strings.HasPrefix(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Every problem is told at once, a line each, so that nobody starts the controller five times to find five.
func TestOptionFaultsTogether(t *testing.T) {
	o := Options{
		AdminURLs: []string{"gateway"}, TLSAddrs: []string{"gateway"}, PushMode: "x", Manage: "x", DefaultIssuer: "x",
		Resync: time.Second, Workers: -1, NamespaceSelector: "a b", LeaseName: "A",
	}
	text := o.Validate().Error()
	for _, flag := range []string{"--apisix-admin-key-secret", "--apisix-admin-url:", "--apisix-tls-addr", "--push-mode", "--manage", "--default-issuer", "--resync-period", "--workers", "--namespace-selector", "--lease-name"} {
		if !strings.Contains(text, flag) {
			t.Errorf("%s is not named in:\n%s", flag, text)
		}
	}
	if n := len(strings.Split(text, "\n")); n != 10 {
		t.Errorf("%d lines:\n%s", n, text)
	}
}

func TestAdminKeyIsNotTold(t *testing.T) {
	o := newOptions(func(o *Options) { o.AdminKey, o.AdminKeyFile = "edd1c9f034335f136f87ad84b625c8f1", "f" })
	if err := o.Validate(); err == nil || strings.Contains(err.Error(), o.AdminKey) {
		t.Errorf("got %v", err)
	}
}

func TestSourceDefaults(t *testing.T) {
	o := newOptions(func(o *Options) { o.Manage, o.DefaultIssuer, o.IngressClass = "all", "VaultIssuer/vault", "apisix" })
	want := source.Defaults{Issuer: &v1alpha1.IssuerReference{Kind: "VaultIssuer", Name: "vault"}, ManageAll: true, IngressClass: "apisix"}
	if diff := cmp.Diff(want, o.sourceDefaults()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none := newOptions(); none.sourceDefaults() != (source.Defaults{}) {
		t.Errorf("%+v", none.sourceDefaults())
	}
}
