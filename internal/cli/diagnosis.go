// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// checker is one run of check.
type checker struct {
	kube kubeFlags
	// options are the controller's: from the command line, or from its Deployment.
	options controllers.Options
	// optionsKnown is set if the controller's command line was found.
	optionsKnown bool
	// account is the controller's ServiceAccount, NAMESPACE/NAME. Empty: that of the Deployment.
	account string

	// remote is set if the options are from a Deployment, whose files and addresses may only be available in Pods.
	remote bool
	// readersKnown is set if it is known whether the controller authenticates readers of its page and metrics.
	readersKnown bool

	access    *access
	home      client.ObjectKey // the ServiceAccount
	waiting   *progress
	now       time.Time
	diagnosis diagnosis

	issuers map[string]issuerResult // by objectOf
	// issuersRead is set if all issuers were read, so that any other does not exist.
	issuersRead bool
	gateways    map[string]gatewayResult // by ingress class
	uses        map[string][]secretUse   // by NAMESPACE/NAME of the Secret
}

// noteSkipped adds a note for an error that makes only the current check impossible, and reports whether it is one.
func (d *checker) noteSkipped(err error) bool {
	switch {
	case apierrors.IsForbidden(err):
		d.diagnosis.addNote("not permitted: " + d.access.explainError(err).Error())
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		d.diagnosis.addNote("the CRD is not installed")
	default:
		return false
	}
	return true
}

// certificates lists the certificates to check.
func (d *checker) certificates(ctx context.Context) ([]v1alpha1.ApisixCertificate, error) {
	var list v1alpha1.ApisixCertificateList
	err := d.access.list(ctx, &list)
	return list.Items, err
}

// diagnosis is the result of check. Its JSON format is stable.
type diagnosis struct {
	Checks   []checkResult `json:"checks"`
	Summary  map[state]int `json:"summary"` // number of checks by state
	Findings []finding     `json:"findings"`
}

// state is the result of a check.
type state string

const (
	stateOK      state = "ok"
	stateSkipped state = "skipped" // no findings, but something could not be checked
	stateFailed  state = "failed"  // there are findings
)

// checkResult is the result of one check.
type checkResult struct {
	Name     string   `json:"name"`
	State    state    `json:"state"`
	Checked  int      `json:"checked"` // number of objects or permissions
	Findings int      `json:"findings"`
	Notes    []string `json:"notes,omitempty"` // what could not be checked, and why
}

// finding is a fault and its fix.
type finding struct {
	Check   string `json:"check"`
	Object  string `json:"object"`          // KIND NAMESPACE/NAME, or a flag with its value
	Field   string `json:"field,omitempty"` // of the object
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
}

func (t *diagnosis) startCheck(name string) { t.Checks = append(t.Checks, checkResult{Name: name}) }

func (t *diagnosis) current() *checkResult { return &t.Checks[len(t.Checks)-1] }

func (t *diagnosis) addChecked(n int) { t.current().Checked += n }

func (t *diagnosis) addNote(text string) { t.current().Notes = append(t.current().Notes, text) }

func (t *diagnosis) addFinding(f finding) {
	f.Check = t.current().Name
	t.current().Findings++
	t.Findings = append(t.Findings, f)
}

// setStates sets the states of the checks and the summary.
func (t *diagnosis) setStates() {
	t.Summary = map[state]int{stateOK: 0, stateSkipped: 0, stateFailed: 0}
	for i := range t.Checks {
		c := &t.Checks[i]
		switch {
		case c.Findings > 0:
			c.State = stateFailed
		case len(c.Notes) > 0:
			c.State = stateSkipped
		default:
			c.State = stateOK
		}
		t.Summary[c.State]++
	}
	if t.Findings == nil {
		t.Findings = []finding{}
	}
}

// splitMessage splits a message of the form "problem; fix" or "problem: fix". If there is no fix, it is defaultFix. A colon
// between a field and its value does not count: a fix starts with a verb and has several words.
func splitMessage(message, defaultFix string) (problem, fix string) {
	for end := len(message); ; {
		i := max(strings.LastIndex(message[:end], ": "), strings.LastIndex(message[:end], "; "))
		if i < 0 {
			return message, defaultFix
		}
		if fix = message[i+2:]; fix != "" && fix[0] >= 'a' && fix[0] <= 'z' && strings.Contains(fix, " ") {
			return message[:i], fix
		}
		end = i
	}
}

var stateColours = map[state]colour{stateOK: green, stateSkipped: yellow, stateFailed: red}

func (t *diagnosis) write(out io.Writer) {
	for _, c := range t.Checks {
		verdict := paint(out, stateColours[c.State], fmt.Sprintf("%-7s", c.State))
		if c.State == stateSkipped && c.Checked == 0 && len(c.Notes) == 1 {
			fmt.Fprintf(out, "%s %s: %s\n", verdict, c.Name, terminal.Escape(c.Notes[0]))
			continue
		}
		fmt.Fprintf(out, "%s %-12s  %d checked\n", verdict, c.Name, c.Checked)
		for _, note := range c.Notes {
			fmt.Fprintf(out, "        %s %s\n", paint(out, yellow, "skipped:"), terminal.Escape(note))
		}
	}
	fmt.Fprintf(out, "\n%d checks: %d ok, %d skipped, %d failed\n", len(t.Checks), t.Summary[stateOK], t.Summary[stateSkipped], t.Summary[stateFailed])
	for _, f := range t.Findings {
		where := f.Object
		if f.Field != "" {
			where += ", " + f.Field
		}
		fmt.Fprintf(out, "\n%s\n  %s\n  fix: %s\n", paint(out, bold, terminal.Escape(where)), terminal.Escape(f.Problem), terminal.Escape(f.Fix))
	}
}
