// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// certificateStatus is a row of the table of status, with the details of one certificate.
type certificateStatus struct {
	Namespace  string
	Name       string
	Hosts      []string
	Issuer     string     // KIND/NAME; empty for a certificate that is provided
	Expires    *time.Time // nil if nothing is issued yet
	Renewal    *time.Time // nil if unknown
	Secret     string     // NAME, or NAMESPACE/NAME in another namespace
	Serial     string     // lower-case hex
	Pushed     string     // True, False or Unknown, as the conditions
	Served     string     // True, False or Unknown
	Ready      string     // True, False or Unknown
	Reason     string     // of Ready
	Message    string     // of Ready
	Warnings   []string   // of the issuer
	Gateways   []v1alpha1.GatewayStatus
	conditions []string
	version    string // resourceVersion, if all of the object is compared
}

// statusesOf returns the statuses sorted by readiness, False first, then by namespace and name.
func statusesOf(list []v1alpha1.ApisixCertificate, now time.Time) []certificateStatus {
	statuses := []certificateStatus{}
	for i := range list {
		statuses = append(statuses, statusOf(&list[i], now))
	}
	slices.SortFunc(statuses, func(a, b certificateStatus) int {
		return cmp.Or(cmp.Compare(readyRank(a.Ready), readyRank(b.Ready)), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return statuses
}

func readyRank(ready string) int { return slices.Index([]string{"False", "Unknown", "True"}, ready) }

// statusOf reads the status of a certificate. A certificate that has expired is not Ready, even if a controller that is no
// longer running has not updated it.
func statusOf(cert *v1alpha1.ApisixCertificate, now time.Time) certificateStatus {
	s := certificateStatus{
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
		s.Message = "the controller has not processed it yet (run apisix-certs check to see if it is running)"
	}
	if s.Ready == "True" && s.Expires != nil && !now.Before(*s.Expires) {
		s.Ready, s.Reason, s.Message = "False", v1alpha1.ReasonExpired, "the certificate has expired, and the controller has not reported it (run apisix-certs check to see if it is running)"
	}
	for _, c := range cert.Status.Conditions {
		s.conditions = append(s.conditions, fmt.Sprintf("%s %s, %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return s
}

// hostsOf returns the names in the spec of a certificate.
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

func (s certificateStatus) key() client.ObjectKey {
	return client.ObjectKey{Namespace: s.Namespace, Name: s.Name}
}

func (s certificateStatus) same(other certificateStatus) bool { return reflect.DeepEqual(s, other) }

// statusColumns are the columns of the table. Those with a priority are only shown with -o wide.
var statusColumns = []metav1.TableColumnDefinition{
	{Name: "Name", Type: "string", Format: "name"}, {Name: "Ready", Type: "string"}, {Name: "Hosts", Type: "string"},
	{Name: "Expires", Type: "string"}, {Name: "Renews", Type: "string"}, {Name: "Pushed", Type: "string"}, {Name: "Served", Type: "string"},
	{Name: "Reason", Type: "string"}, {Name: "Issuer", Type: "string", Priority: 1}, {Name: "Secret", Type: "string", Priority: 1},
	{Name: "Message", Type: "string", Priority: 1},
}

func tableOf(statuses []certificateStatus, now time.Time) *metav1.Table {
	table := &metav1.Table{ColumnDefinitions: statusColumns}
	for _, s := range statuses {
		table.Rows = append(table.Rows, s.row(now))
	}
	return table
}

func (s certificateStatus) row(now time.Time) metav1.TableRow {
	row := metav1.TableRow{Object: runtime.RawExtension{Object: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name}}}}
	for _, text := range []string{
		s.Name, s.Ready, shortHosts(s.Hosts), relativeTime(s.Expires, now), relativeTime(s.Renewal, now), s.Pushed, s.Served, s.Reason,
		s.Issuer, s.Secret, s.Message,
	} {
		row.Cells = append(row.Cells, terminal.Escape(orDash(text)))
	}
	return row
}

// shownHosts is the number of hosts in a row.
const shownHosts = 2

// shortHosts returns the first hosts, and the number of further ones.
func shortHosts(hosts []string) string {
	text := strings.Join(hosts[:min(len(hosts), shownHosts)], ", ")
	if more := len(hosts) - shownHosts; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

// writeDetails writes what is not in the row.
func (s certificateStatus) writeDetails(out io.Writer, now time.Time) {
	line := func(format string, args ...any) { fmt.Fprintln(out, terminal.Escape(fmt.Sprintf(format, args...))) }
	fmt.Fprintln(out)
	line("Serial: %s", orDash(s.Serial))
	line("Hosts: %s", strings.Join(s.Hosts, ", "))
	line("Issuer: %s", orDash(s.Issuer))
	line("Secret: %s", s.Secret)
	line("Expires: %s", orDash(formatTime(s.Expires, now)))
	line("Renews: %s", orDash(formatTime(s.Renewal, now)))
	for _, text := range s.conditions {
		line("%s", text)
	}
	for _, text := range s.Warnings {
		line("Warning: %s", text)
	}
	for _, g := range s.Gateways {
		line("Gateway %s: mode %s, ssl object %s, pushed serial %s, served serial %s", g.Name, orDash(g.Mode), orDash(g.SSLID), orDash(g.PushedSerial), orDash(g.ServedSerial))
	}
}
