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

// checker is one call of check.
type checker struct {
	kube kubeFlags
	// options are the controller's: those given, else those of its Deployment.
	options controllers.Options
	// optionsKnown: the controller's command line was found.
	optionsKnown bool
	// account is the controller's ServiceAccount, NAMESPACE/NAME. Empty: as the Deployment says.
	account string

	// remote: the options are of a Deployment, whose files and addresses may be known to Pods alone.
	remote bool
	// readersKnown: the options tell whether the controller asks Kubernetes who reads its page and metrics.
	readersKnown bool

	access    *access
	home      client.ObjectKey // the ServiceAccount
	waiting   *progress
	now       time.Time
	diagnosis diagnosis

	issuers map[string]issuerResult // by objectOf
	// issuersRead: all were, so that one that is not among them does not exist.
	issuersRead bool
	gateways    map[string]gatewayResult // by ingress class
	uses        map[string][]use         // by NAMESPACE/NAME of the Secret
}

// noteSkipped notes an error that keeps one check from being made, and is no reason to leave out the others.
func (d *checker) noteSkipped(err error) bool {
	switch {
	case apierrors.IsForbidden(err):
		d.diagnosis.addNote("you may not look: " + d.access.explainError(err).Error())
	case meta.IsNoMatchError(err), apierrors.IsNotFound(err):
		d.diagnosis.addNote("the cluster lacks the CRD")
	default:
		return false
	}
	return true
}

// certificates lists those that are looked at.
func (d *checker) certificates(ctx context.Context) ([]v1alpha1.ApisixCertificate, error) {
	var list v1alpha1.ApisixCertificateList
	err := d.access.list(ctx, &list)
	return list.Items, err
}

// diagnosis is what check tells. Its JSON stays as it is.
type diagnosis struct {
	Checks   []checkResult `json:"checks"`
	Summary  map[state]int `json:"summary"` // how many checks have which state
	Findings []finding     `json:"findings"`
}

// state is what came of a check.
type state string

const (
	stateOK      state = "ok"
	stateSkipped state = "skipped" // nothing was found, and not all could be looked at
	stateFailed  state = "failed"  // something was found
)

// checked is one check that was made.
type checkResult struct {
	Name     string   `json:"name"`
	State    state    `json:"state"`
	Checked  int      `json:"checked"` // at how many objects or rules
	Findings int      `json:"findings"`
	Notes    []string `json:"notes,omitempty"` // what could not be looked at, and why; no faults
}

// finding is one thing that is wrong.
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

// conclude sets the states of the checks.
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

// apart separates a message of this project into what is wrong and, behind its last colon, how to mend it, where other
// says so of a message that has none. A colon of a field with its value is none of these: what mends begins with a verb.
func splitMessage(message, other string) (problem, mend string) {
	for end := len(message); ; {
		i := max(strings.LastIndex(message[:end], ": "), strings.LastIndex(message[:end], "; "))
		if i < 0 {
			return message, other
		}
		if mend = message[i+2:]; mend != "" && mend[0] >= 'a' && mend[0] <= 'z' && strings.Contains(mend, " ") {
			return message[:i], mend
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
		fmt.Fprintf(out, "%s %-12s  %d looked at\n", verdict, c.Name, c.Checked)
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
		fmt.Fprintf(out, "\n%s\n  %s\n  mend: %s\n", paint(out, bold, terminal.Escape(where)), terminal.Escape(f.Problem), terminal.Escape(f.Fix))
	}
}
