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

Every fault below is injected into the whole while it works: real kube-apiserver, etcd, kube-controller-manager and Vault, the
stand-in for APISIX (` + "`apisix/apisixtest`" + `), controllers as processes of their own. After each one, without anybody's help:

- every certificate is Ready, its Secret holds a pair that fits and is valid, and each host is served with exactly that;
- a prober that connects to every host all the time, every 20 ms, saw no handshake refused or wrong;
- Vault has signed as often as the work needs, and not once more, by its own list of certificates;
- no Secret and no ssl object of ours is left over, and those of others are as they were.

` + "`make faults`" + ` runs all of it and writes nothing; ` + "`make faults ARGS=-update`" + ` writes this page. CI runs the rows in bold.

"Recovered" is from the end of the fault until all of that held, on two cores. "Signatures" is what Vault signed, and "lost" how many
of those the fault itself has taken: the answer never arrived, or the key died with the process, so that one more is needed.
"Dark" marks faults of the gateway itself, during which it has no valid certificate to show; wrong handshakes count again once
it is mended.

| part | fault | meanwhile | signatures | lost | dark | recovered |
|---|---|---|---|---|---|---|
`

const foot = `
The slow ones: an ssl object changed by hand is noticed by proofs that go round, one certificate every 5 s or
faster where there are many. After an outage of the API server the watches of client-go come back after up to half a minute each, and the lease
of a controller that had to give it up lasts 9 s.

Not among them:

- **A clock that jumps.** The controller is a static Go program, which asks the kernel without the C library, so libfaketime does not
  reach it; a time namespace does not move the wall clock; the machine's own clock is everybody's. Instead an issuer's clock is
  an hour ahead or a day behind (rows "of a clock an hour ahead", "expired"), and all that depends on time is decided by pure functions whose
  tests give them any ` + "`now`" + `.
- **etcd alone.** The API server goes with it: the tests start both as one.

Killed leaders (` + "`TestTakeover`" + `): the leader of two replicas is killed in renewals, before and after each call and at any time. The
lease lasts 9 s from when the standby saw its last renewal, and the standby looks every 1 to 2.2 s, so it leads within 14 s; a leader that is stopped in good order releases the
lease, and the other leads in seconds.

Secrets: all that controllers say in a run - logs at level debug, goroutines of crashes, metrics, events, objects that are no
Secrets - is searched for every private key, token and admin key in use, as it is and in base64, and for what looks like one.
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
