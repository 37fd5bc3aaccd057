// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"os/exec"
	"regexp"
	"testing"
)

// withoutValue are the flags that no value sets, each with the reason. extraArgs can set those that make sense in a Pod.
var withoutValue = map[string]string{
	"apisix-admin-key-file": "the key is in a Secret, which is followed without a volume: apisix.adminKey",
	"kubeconfig":            "a Pod uses its ServiceAccount",
	"leader-elect":          "always on, so that two Pods of a rollout never work at the same time",
	"pprof-bind-address":    "for developers: extraArgs",
	"help":                  "no setting",
}

var flagInHelp = regexp.MustCompile(`(?m)^ +(?:-\w, +|)--([a-z][-a-z0-9]*)`)

// Every flag of the controller has a value, or a reason why not.
func TestFlagsHaveValues(t *testing.T) {
	help, err := exec.Command(build(t), "controller", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, values := range append(allSets(t), values(t, good+"page: {enabled: true}\nnamespaceSelector: shard=a\nstatusPolicy: {serviceAccounts: [a/b]}")) {
		for _, arg := range argsOf(t, render(t, Release{Values: values})) {
			if m := regexp.MustCompile(`^--([-a-z0-9]+)`).FindStringSubmatch(arg); m != nil {
				set[m[1]] = true
			}
		}
	}
	flags := flagInHelp.FindAllStringSubmatch(string(help), -1)
	if len(flags) < 30 {
		t.Fatalf("the help has %d flags", len(flags))
	}
	known := map[string]bool{}
	for _, m := range flags {
		flag := m[1]
		known[flag] = true
		switch reason := withoutValue[flag]; {
		case set[flag] && reason != "":
			t.Errorf("--%s has a value: remove it from withoutValue", flag)
		case !set[flag] && reason == "":
			t.Errorf("no value sets --%s: add one to the chart and to a set of ci/, or the reason to withoutValue", flag)
		}
	}
	for flag := range withoutValue {
		if !known[flag] {
			t.Errorf("there is no flag --%s: remove it from withoutValue", flag)
		}
	}
}

func allSets(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, values := range sets(t) {
		all = append(all, values)
	}
	return all
}
