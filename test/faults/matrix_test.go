// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// pageFile is the page with the matrix.
const pageFile = "../../docs/faults.md"

// matrix is all that can be injected.
func matrix() []fault {
	return slices.Concat(kills(), vaultFaults(), gatewayFaults(), kubeFaults(), secretFaults(), leaseFaults())
}

const head = `# Faults

This page lists the faults that the tests inject, and how long the controller needs to recover from each. The faults are injected into a complete, working system: real kube-apiserver, etcd, kube-controller-manager and Vault, the
stand-in for APISIX (` + "`apisix/apisixtest`" + `), and controllers as separate processes. After each fault, without manual intervention:

- every certificate is Ready, its Secret contains a valid, matching pair, and each host is served with exactly this certificate;
- a prober that connects to every host every 20 ms saw no failed handshake and no wrong certificate;
- Vault has signed only as many certificates as needed, according to its own list of certificates;
- no Secret and no ssl object of the controller is left over, and those of other owners are unchanged.

` + "`make faults`" + ` runs all faults and writes nothing. ` + "`make faults ARGS=-update`" + ` writes this page. CI runs the rows in bold.

"Recovered" is the time from the end of the fault until all of the above is true, on two cores. "Signatures" is the number of certificates that Vault signed. "Lost" is the number
of those that were lost because of the fault itself: the response never arrived, or the key was lost with the process, so that one more signature is needed.
"Dark" marks faults of the gateway itself, during which it has no valid certificate to serve. The prober counts wrong handshakes again once
the gateway works.

| part | fault | meanwhile | signatures | lost | dark | recovered |
|---|---|---|---|---|---|---|
`

const foot = `
Some faults take longer to recover from. A manually changed ssl object is detected by the periodic handshakes, one certificate every 5 s, or
faster if there are many. After an outage of the API server, each watch of client-go is restored after up to half a minute. The lease
of a controller that lost it lasts 9 s.

## Not tested

- **A clock that jumps.** The controller is a static Go program that reads the time without the C library, so libfaketime does not
  affect it. A time namespace does not change the wall clock, and the machine's own clock is shared. Instead, the tests set an issuer's clock
  an hour ahead or a day behind (rows "of a clock an hour ahead", "expired"). All decisions that depend on time are pure functions, which
  are tested with arbitrary values of ` + "`now`" + `.
- **Only etcd.** The API server fails with it, because the tests start both as one.

## Failover

` + "`TestTakeover`" + ` kills the leader of two replicas during renewals, before and after each call and at any time. The
lease expires 9 s after the standby last saw its renewal. The standby checks every 1 to 2.2 s, so it is the leader within 14 s. A leader that is stopped normally releases the
lease, and the other replica takes over within seconds.

## Secrets in output

All output of the controllers in a run (logs at level debug, goroutines of crashes, metrics, events, objects that are not
Secrets) is searched for every private key, token and admin key in use, in plain text and in base64, and for anything that looks like one.
`

// writeMatrix writes the page.
func writeMatrix(t *testing.T, results []result) {
	t.Helper()
	var b strings.Builder
	b.WriteString(head)
	for _, r := range results {
		fmt.Fprintf(&b, "%s %s | %d | %s | %s | %.1f s |\n", rowOf(r.fault), r.meanwhile, r.signs, number(r.lost, r.mayLose), dark(r.dark), r.recovered.Seconds())
	}
	b.WriteString(foot)
	if err := os.WriteFile(pageFile, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// rowOf is the beginning of a row of the page.
func rowOf(f fault) string {
	if f.short {
		return fmt.Sprintf("| **%s** | **%s** |", f.part, f.name)
	}
	return fmt.Sprintf("| %s | %s |", f.part, f.name)
}

func number(lost, mayLose int) string {
	switch {
	case mayLose > 0:
		return fmt.Sprintf("at most %d", lost+mayLose)
	case lost > 0:
		return fmt.Sprint(lost)
	}
	return ""
}

func dark(host string) string {
	return map[string]string{"": "", everyHost: "all hosts"}[host] + map[bool]string{true: "one host"}[host == heldHost]
}

// checkMatrix holds the page to the faults that there are.
func checkMatrix(t *testing.T, all []fault) {
	t.Helper()
	if *update {
		return
	}
	data, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if !strings.Contains(string(data), "\n"+rowOf(f)) {
			t.Errorf("docs/faults.md lacks %s", rowOf(f))
		}
	}
	if rows := strings.Count(string(data), "\n| ") - 1; rows != len(all) {
		t.Errorf("docs/faults.md has %d rows for %d faults", rows, len(all))
	}
}
