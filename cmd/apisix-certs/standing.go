// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// standing is how a certificate stands, as status tells it. Its JSON stays as it is.
type standing struct {
	Namespace string                   `json:"namespace"`
	Name      string                   `json:"name"`
	Hosts     []string                 `json:"hosts"`
	Issuer    string                   `json:"issuer"`             // KIND/NAME; empty for spec.provided
	Expires   *time.Time               `json:"expires,omitempty"`  // unset: nothing is issued yet
	Renewal   *time.Time               `json:"renewal,omitempty"`  // unset: not known
	Secret    string                   `json:"secret"`             // name, or NAMESPACE/NAME of another namespace
	Serial    string                   `json:"serial,omitempty"`   // lower-case hex
	Pushed    string                   `json:"pushed"`             // True, False or Unknown, as the conditions
	Served    string                   `json:"served"`             // True, False or Unknown
	Ready     string                   `json:"ready"`              // True, False or Unknown
	Reason    string                   `json:"reason,omitempty"`   // of Ready
	Message   string                   `json:"message,omitempty"`  // of Ready
	Warnings  []string                 `json:"warnings,omitempty"` // of the issuer
	Gateways  []v1alpha1.GatewayStatus `json:"gateways,omitempty"`

	conditions []string
}

// standingsOf sorts those that are not Ready first, then by namespace and name.
func standingsOf(list []v1alpha1.ApisixCertificate, now time.Time) []standing {
	standings := []standing{}
	for i := range list {
		standings = append(standings, standingOf(&list[i], now))
	}
	slices.SortFunc(standings, func(a, b standing) int {
		return cmp.Or(cmp.Compare(order(a.Ready), order(b.Ready)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return standings
}

func order(ready string) int { return slices.Index([]string{"False", "Unknown", "True"}, ready) }

// standingOf reads the status. A certificate that has ended is not Ready, whatever a controller that does not run any
// more wrote.
func standingOf(cert *v1alpha1.ApisixCertificate, now time.Time) standing {
	s := standing{
		Namespace: cert.Namespace, Name: cert.Name, Hosts: hostsOf(cert), Secret: cert.Spec.SecretName,
		Serial: cert.Status.Issued.SerialNumber, Pushed: conditionOf(cert, v1alpha1.ConditionPushed),
		Served: conditionOf(cert, v1alpha1.ConditionServed), Ready: conditionOf(cert, v1alpha1.ConditionReady),
		Warnings: cert.Status.Warnings, Gateways: cert.Status.Gateways,
	}
	if other := cert.Spec.SecretNamespace; other != "" && other != cert.Namespace {
		s.Secret = other + "/" + s.Secret
	}
	if cert.Spec.IssuerRef.Name != "" {
		s.Issuer = cert.Spec.IssuerRef.String()
	}
	if t := cert.Status.Issued.NotAfter; t != nil {
		s.Expires = &t.Time
	}
	if t := cert.Status.RenewalTime; t != nil {
		s.Renewal = &t.Time
	}
	if ready := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		s.Reason, s.Message = ready.Reason, ready.Message
	} else {
		s.Message = "no controller has looked at it yet: apisix-certs check tells whether one runs"
	}
	if s.Ready == "True" && s.Expires != nil && !now.Before(*s.Expires) {
		s.Ready, s.Reason, s.Message = "False", v1alpha1.ReasonExpired, "the certificate has ended, and the controller has not said so: apisix-certs check tells whether it runs"
	}
	for _, c := range cert.Status.Conditions {
		s.conditions = append(s.conditions, fmt.Sprintf("%s %s, %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return s
}

// hostsOf are the names that the certificate is for.
func hostsOf(cert *v1alpha1.ApisixCertificate) []string {
	names := slices.Concat(cert.Spec.DNSNames, cert.Spec.IPAddresses, cert.Spec.URIs, cert.Spec.EmailAddresses)
	if len(names) == 0 && cert.Spec.CommonName != "" {
		return []string{cert.Spec.CommonName}
	}
	return names
}

func conditionOf(cert *v1alpha1.ApisixCertificate, kind string) string {
	c := meta.FindStatusCondition(cert.Status.Conditions, kind)
	if c == nil {
		return "Unknown"
	}
	return string(c.Status)
}

func (s standing) key() client.ObjectKey {
	return client.ObjectKey{Namespace: s.Namespace, Name: s.Name}
}

func (s standing) same(other standing) bool { return reflect.DeepEqual(s, other) }

func standingHead(all bool) []cell {
	row := head("NAME", "READY", "HOSTS", "ISSUER", "EXPIRES", "RENEWS", "SECRET", "PUSHED", "SERVED", "REASON")
	if all {
		row = append(head("NAMESPACE"), row...)
	}
	return row
}

// shownHosts is how many hosts a row has.
const shownHosts = 3

func (s standing) row(all bool, now time.Time) []cell {
	hosts := strings.Join(s.Hosts[:min(len(s.Hosts), shownHosts)], ",")
	if more := len(s.Hosts) - shownHosts; more > 0 {
		hosts += fmt.Sprintf(",+%d", more)
	}
	why := s.Reason + ": " + s.Message
	if s.Ready == "True" {
		why = s.Reason
	}
	row := []cell{
		{text: s.Name}, {s.Ready, colourOf(s.Ready)}, {text: hosts}, {text: s.Issuer}, {text: when(s.Expires, now)}, {text: when(s.Renewal, now)},
		{text: s.Secret}, {s.Pushed, colourOf(s.Pushed)}, {s.Served, colourOf(s.Served)}, {text: strings.TrimPrefix(why, ": ")},
	}
	if all {
		row = append([]cell{{text: s.Namespace}}, row...)
	}
	return row
}

// tell writes what a row leaves out.
func (s standing) tell(out io.Writer) {
	fmt.Fprintf(out, "\nSerial: %s\nHosts: %s\n", orDash(s.Serial), printable(strings.Join(s.Hosts, ", ")))
	for _, text := range s.conditions {
		fmt.Fprintln(out, printable(text))
	}
	for _, text := range s.Warnings {
		fmt.Fprintln(out, "Warning:", printable(text))
	}
	for _, g := range s.Gateways {
		fmt.Fprintf(out, "Gateway %s, mode %s: ssl object %s holds %s, served is %s\n", g.Name, orDash(g.Mode), orDash(g.SSLID), orDash(g.PushedSerial), orDash(g.ServedSerial))
	}
}

func colourOf(status string) colour {
	switch status {
	case "True":
		return green
	case "False", "Deleted":
		return red
	}
	return yellow
}
