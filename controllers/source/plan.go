// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/note"
)

// plan is the change of the certificate of a group, and the events for its sources.
type plan struct {
	create, keep, delete *v1alpha1.ApisixCertificate
	patch                *change
	// again is set to retry, if what the plan waits for triggers no request of this group.
	again bool
	says  []notice
}

type change struct{ from, to *v1alpha1.ApisixCertificate }

// notice is an event on a source or a certificate.
type notice struct {
	to                 client.Object
	kind, reason, text string
}

// empty reports whether there is nothing to write.
func (p *plan) empty() bool { return p.create == nil && p.patch == nil && p.delete == nil }

// settled returns the certificate of the group after the plan is applied, or nil if it has none.
func (p *plan) settled() *v1alpha1.ApisixCertificate {
	switch {
	case p.create != nil:
		return p.create
	case p.patch != nil:
		return p.patch.to
	}
	return p.keep
}

func (p *plan) warn(to client.Object, reason, text string) {
	p.says = append(p.says, notice{to, corev1.EventTypeWarning, reason, text})
}

// observed is the input of a plan. It is not changed.
type observed struct {
	group   group
	members []*member
	// have are the ApisixCertificates of the namespace that name the Secret.
	have []*v1alpha1.ApisixCertificate
	// name is available for a new one.
	name string
}

// makePlan compares the certificates that the sources of a Secret request with the existing ones. It is pure. Neither the order
// of the sources nor which of them has changed affects the result.
func makePlan(o observed, defaults Defaults) plan {
	members := slices.Clone(o.members)
	slices.SortFunc(members, older)
	p := plan{}
	for _, m := range members {
		if len(m.coveredHosts) > 0 && m.wants.optedOut == "" {
			p.says = append(p.says, notice{m.object, corev1.EventTypeNormal, v1alpha1.ReasonCovered, strings.Join(m.coveredHosts, "; ")})
		}
	}
	existing, byHand, ending := choose(o.have)
	switch {
	case existing != nil:
		u := newUnion(o.group, members, existing)
		if elsewhere(u, existing, defaults) {
			p.addUnmanagedEvents(u, existing, classText(existing)+" which this controller does not manage (--ingress-class)", "name another Secret here")
			return p
		}
		p.planUpdate(u, existing)
	case byHand != nil:
		u := newUnion(o.group, members, nil)
		p.addUnmanagedEvents(u, byHand, "written by hand", "add it to spec.dnsNames there, or name another Secret here")
	case ending != nil:
		p.addFinalizerEvents(newUnion(o.group, members, nil), ending)
	default:
		p.planCreate(newUnion(o.group, members, nil), o.name)
	}
	return p
}

// choose returns the certificate of a Secret to update, which is the oldest that belongs to sources. Otherwise it returns one
// that a user created, or one that is being deleted.
func choose(have []*v1alpha1.ApisixCertificate) (existing, byHand, ending *v1alpha1.ApisixCertificate) {
	for _, cert := range have {
		slot := &byHand
		switch {
		case !cert.DeletionTimestamp.IsZero():
			slot = &ending
		case slices.ContainsFunc(cert.OwnerReferences, ofSource):
			slot = &existing
		}
		if *slot == nil || v1alpha1.Older(cert, *slot) {
			*slot = cert
		}
	}
	return existing, byHand, ending
}

// elsewhere reports whether another controller, of another ingress class, manages a certificate: it was created for such a class,
// and has a source of that class or no source here.
func elsewhere(u union, cert *v1alpha1.ApisixCertificate, defaults Defaults) bool {
	if cert.Spec.GatewayRef == nil && defaults.watches(cert.Spec.IngressClassName) {
		return false
	}
	return cert.Spec.GatewayRef == nil && len(u.joined) == 0 || slices.ContainsFunc(u.members, func(m *member) bool { return m.wants.excluded && references(cert, m.ref.UID) })
}

func classText(cert *v1alpha1.ApisixCertificate) string {
	if ref := cert.Spec.GatewayRef; ref != nil {
		return "of Gateway " + ref.Name + ", of a class"
	}
	return "of ingress class " + cert.Spec.IngressClassName + ","
}

// union is what the sources of a Secret request together.
type union struct {
	group   group
	members []*member // oldest first
	// joined request the certificate, and it covers their hosts. The oldest determines everything else. tooMany exceed its number
	// of hosts.
	joined, tooMany []*member
	// apart request a client certificate although the oldest requests a server certificate, or the reverse.
	apart []*member
	// faulty request it and are invalid, out have opted out, kept are unclear for now, left no longer name the Secret.
	faulty, out, kept, left []*member
	hosts                   []string
}

func newUnion(g group, members []*member, existing *v1alpha1.ApisixCertificate) union {
	u := union{group: g, members: members}
	var wish []*member
	for _, m := range members {
		owner := existing != nil && references(existing, m.ref.UID)
		switch m.state(owner) {
		case joins:
			wish = append(wish, m)
		case faulty:
			if owner || m.entry.cert != nil {
				u.faulty = append(u.faulty, m)
			}
		case optedOut:
			u.out = append(u.out, m)
		case keeps:
			u.kept = append(u.kept, m)
		case leaves:
			u.left = append(u.left, m)
		case gone, ignored:
		}
	}
	if len(wish) > 0 {
		u.apart = slices.DeleteFunc(slices.Clone(wish), func(m *member) bool { return ofClient(m) == ofClient(wish[0]) })
		wish = slices.DeleteFunc(wish, func(m *member) bool { return ofClient(m) != ofClient(wish[0]) })
	}
	u.join(wish)
	return u
}

// ofClient reports whether a source requests a client certificate for APISIX.
func ofClient(m *member) bool { return m.entry.cert.Spec.Gateways == v1alpha1.GatewaysNone }

// join adds the sources whose hosts fit together, oldest first.
func (u *union) join(wish []*member) {
	if hosts := unite(wish); len(wish) > 0 && fits(wish[0], hosts) {
		u.joined, u.hosts = wish, hosts
		return
	}
	for i, m := range wish {
		hosts := unite(append(slices.Clone(u.joined), m))
		if i > 0 && !fits(wish[0], hosts) {
			u.tooMany = append(u.tooMany, m)
			continue
		}
		u.joined, u.hosts = append(u.joined, m), hosts
	}
}

func fits(first *member, hosts []string) bool {
	cert := *first.entry.cert
	cert.Spec.DNSNames = hosts
	return len(certspec.Problems(&cert)) == 0
}

// unite returns the hosts of all sources. It omits a host that the wildcard of another source covers, unless its source also
// names the wildcard. Otherwise a Secret with a wildcard would get a new certificate with each Ingress that uses it.
func unite(members []*member) []string {
	wild := map[string]int{} // number of sources that name a wildcard
	for _, m := range members {
		for _, host := range m.entry.cert.Spec.DNSNames {
			if strings.HasPrefix(host, "*.") {
				wild[host]++
			}
		}
	}
	var all []string
	for _, m := range members {
		own := m.entry.cert.Spec.DNSNames
		for _, host := range own {
			_, parent, _ := strings.Cut(host, ".")
			if cover := "*." + parent; cover == host || wild[cover] == 0 || slices.Contains(own, cover) {
				all = append(all, host)
			}
		}
	}
	return normalize(all)
}

// planCreate plans the creation of the certificate.
func (p *plan) planCreate(u union, name string) {
	first := u.first()
	if first == nil {
		return
	}
	cert := first.entry.cert.DeepCopy()
	if len(u.joined) > 0 {
		cert.Spec.DNSNames = u.hosts
	}
	if nameless(&cert.Spec) { // no name is valid: see its problem
		return
	}
	cert.Name = name
	u.annotate(cert)
	cert.OwnerReferences = u.ownerReferences(nil)
	cert.Finalizers = []string{v1alpha1.Finalizer} // set here, it requires no separate write
	p.create = cert
	p.addEvents(u, name)
}

// planUpdate plans the update or deletion of the existing certificate.
func (p *plan) planUpdate(u union, existing *v1alpha1.ApisixCertificate) {
	refs := u.ownerReferences(existing)
	if len(refs) == 0 {
		if len(u.left) > 0 {
			p.delete = existing
		}
		return // otherwise garbage collection deletes it
	}
	p.again = slices.ContainsFunc(u.kept, func(m *member) bool { return m.awaits != "" })
	p.addEvents(u, existing.Name)
	p.addConflictEvents(u, existing)
	to := existing.DeepCopy()
	if len(u.joined) > 0 {
		to.Spec = *u.joined[0].entry.cert.Spec.DeepCopy()
		if !to.Spec.Provided { // the API server rejects it in combination
			to.Spec.SecretRetention = existing.Spec.SecretRetention
		}
		to.Spec.DNSNames = u.hosts
	}
	if len(u.faulty)+len(u.out)+len(u.kept) > 0 { // keep what these had
		to.Spec.DNSNames = normalize(append(slices.Clone(to.Spec.DNSNames), existing.Spec.DNSNames...))
	}
	if sameSet(to.Spec.DNSNames, existing.Spec.DNSNames) { // do not write only to change the order
		to.Spec.DNSNames = existing.Spec.DNSNames
	}
	u.annotate(to)
	to.OwnerReferences = refs
	if p.keep = existing; !equality.Semantic.DeepEqual(existing, to) {
		p.keep, p.patch = nil, &change{existing, to}
	}
}

// first returns the source that determines the certificate, or nil if there is none.
func (u *union) first() *member {
	for _, m := range slices.Concat(u.joined, u.faulty) {
		if m.entry != nil && m.entry.cert != nil {
			return m
		}
	}
	return nil
}

// owners returns the sources that own the certificate after the plan, oldest first.
func (u *union) owners() []*member {
	all := slices.Concat(u.joined, u.faulty, u.out, u.kept)
	slices.SortFunc(all, older)
	return all
}

// ownerReferences returns the owner references after the plan. References to objects that are not sources are kept.
func (u *union) ownerReferences(existing *v1alpha1.ApisixCertificate) []metav1.OwnerReference {
	owners := u.owners()
	var refs []metav1.OwnerReference
	if existing != nil { // keep their order, to avoid a write
		refs = slices.DeleteFunc(slices.Clone(existing.OwnerReferences), func(ref metav1.OwnerReference) bool {
			return ofSource(ref) && !slices.ContainsFunc(owners, func(m *member) bool { return m.ref.UID == ref.UID })
		})
	}
	for _, m := range owners {
		if !slices.ContainsFunc(refs, func(ref metav1.OwnerReference) bool { return ref.UID == m.ref.UID }) {
			refs = append(refs, m.ref)
		}
	}
	chief := u.controller(owners, refs)
	for i := range refs {
		if ofSource(refs[i]) {
			refs[i].Controller = nil
			if refs[i].UID == chief {
				refs[i].Controller = ptr.To(true)
			}
		}
	}
	return refs
}

// controller returns the owner to mark as the controller: the source that determines the certificate, else the one that is
// already marked, else the oldest. It returns none if another object is marked.
func (u *union) controller(owners []*member, refs []metav1.OwnerReference) types.UID {
	var marked types.UID
	for _, ref := range refs {
		switch {
		case !ptr.Deref(ref.Controller, false):
		case !ofSource(ref):
			return ""
		default:
			marked = ref.UID
		}
	}
	switch {
	case len(u.joined) > 0:
		return u.joined[0].ref.UID
	case marked != "" || len(owners) == 0:
		return marked
	}
	return owners[0].ref.UID
}

// annotate sets the annotations that are copied from sources.
func (u *union) annotate(cert *v1alpha1.ApisixCertificate) {
	set := func(key, value string) {
		if value == "" {
			delete(cert.Annotations, key)
			return
		}
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, key, value)
	}
	problem := ""
	if len(u.joined) == 0 && len(u.faulty) > 0 {
		problem = u.faulty[0].problem()
	}
	set(v1alpha1.AnnotationSourceProblem, problem)
	set(v1alpha1.AnnotationSourceOptedOut, u.optedOut())
	if first := u.first(); first != nil {
		set(v1alpha1.AnnotationAdoptSecret, first.entry.cert.Annotations[v1alpha1.AnnotationAdoptSecret])
	}
	for _, m := range slices.Concat(u.joined, u.faulty) {
		if m.entry == nil || m.entry.cert == nil {
			continue
		}
		if at := m.entry.cert.Annotations[v1alpha1.AnnotationRenewAt]; later(at, cert.Annotations[v1alpha1.AnnotationRenewAt]) {
			set(v1alpha1.AnnotationRenewAt, at)
		}
	}
}

// later reports whether a is a time (RFC 3339) after b. An invalid time is before all others.
func later(a, b string) bool {
	at, err := time.Parse(time.RFC3339, a)
	if err != nil {
		return false
	}
	bt, err := time.Parse(time.RFC3339, b)
	return err != nil || at.After(bt)
}

// problem returns the problem of an invalid source.
func (m *member) problem() string {
	switch {
	case m.entry == nil:
		return note.Fit(strings.Join(m.wants.problems, "; "))
	case m.entry.cert == nil:
		return note.Fit(m.entry.problem)
	}
	return m.entry.cert.Annotations[v1alpha1.AnnotationSourceProblem]
}

// optedOut says which sources have opted out, and why. It is empty if none has.
func (u *union) optedOut() string {
	if len(u.out) == 0 {
		return ""
	}
	var all []string
	for _, m := range u.out {
		all = append(all, m.name()+": "+m.wants.optedOut)
	}
	return note.Fit(strings.Join(all, "; ") + ": the certificate is kept and renewed; opt in again, or delete this ApisixCertificate")
}

// addEvents adds the events for sources. name is that of the certificate.
func (p *plan) addEvents(u union, name string) {
	for _, m := range u.tooMany {
		p.warn(m.object, v1alpha1.ReasonInvalidSource, fmt.Sprintf("Secret %s is shared with %s, and one certificate cannot have all hosts of both (%s): name another Secret here",
			u.group.secretText(), u.joined[0].name(), m.entry.in.hosts))
	}
	for _, m := range u.apart {
		what := map[bool]string{true: "a client certificate, which no gateway serves", false: "a server certificate"}[ofClient(u.joined[0])]
		p.warn(m.object, v1alpha1.ReasonInvalidSource, fmt.Sprintf("%s: Secret %s is shared with %s, which is older and has %s there: name another Secret here",
			m.entry.in.secret, u.group.secretText(), u.joined[0].name(), what))
	}
	for _, m := range u.out {
		p.warn(m.object, v1alpha1.ReasonSourceOptedOut, fmt.Sprintf("%s: ApisixCertificate %s is kept and renewed; opt in again, or delete it", m.wants.optedOut, name))
	}
	for i, m := range u.joined {
		if i == 0 {
			continue
		}
		if fields := differences(u.joined[0].entry.cert, m.entry.cert); len(fields) > 0 {
			p.warn(m.object, v1alpha1.ReasonSecretShared, fmt.Sprintf("Secret %s is shared with %s, which is older and takes precedence; this object differs in %s: set the same on both, or name another Secret here",
				u.group.secretText(), u.joined[0].name(), strings.Join(fields, ", ")))
		}
	}
}

// addConflictEvents adds the events for sources whose host or Secret belongs to another certificate, with the fix.
func (p *plan) addConflictEvents(u union, cert *v1alpha1.ApisixCertificate) {
	why := conflictOf(cert)
	if why == "" {
		return
	}
	told := false
	tell := func(m *member, text string) {
		p.warn(m.object, v1alpha1.ReasonConflict, fmt.Sprintf("%s (ApisixCertificate %s: %s)", text, cert.Name, why))
		told = true
	}
	members := slices.DeleteFunc(slices.Concat(u.joined, u.faulty, u.out), func(m *member) bool { return m.entry == nil })
	for _, m := range members {
		if text := m.taken(cert); text != "" {
			tell(m, text)
		}
	}
	if told {
		return
	}
	for _, m := range members {
		if references(cert, m.ref.UID) {
			tell(m, fmt.Sprintf("%s: Secret %s belongs to another certificate: name another Secret here", m.entry.in.secret, u.group.secretText()))
		}
	}
}

// taken returns a message for a name of the source that belongs to another namespace, with the fix. It is empty if there is none.
func (m *member) taken(cert *v1alpha1.ApisixCertificate) string {
	taken := func(name string) bool { return !slices.Contains(cert.Status.OwnedNames, name) }
	lost := func(host string) bool { return slices.Contains(cert.Spec.DNSNames, host) && taken(host) }
	if i := slices.IndexFunc(m.entry.hosts, lost); i >= 0 {
		return fmt.Sprintf("%s: host %s belongs to another namespace: %s", m.entry.in.hosts, m.entry.hosts[i], m.entry.in.drop)
	}
	if m.entry.cert == nil {
		return ""
	}
	spec := m.entry.cert.Spec
	if i := slices.IndexFunc(spec.DNSNames, lost); i >= 0 {
		return fmt.Sprintf("annotation %s: host %s belongs to another namespace: remove it there", v1alpha1.AnnotationAltNames, spec.DNSNames[i])
	}
	requested := authority.RequestedBy(certs.Spec{CommonName: spec.CommonName})
	if spec.CommonName == cert.Spec.CommonName && slices.ContainsFunc(slices.Concat(requested.Owned, requested.Bare), taken) {
		return fmt.Sprintf("annotation %s: host %s belongs to another namespace: remove it there", v1alpha1.AnnotationCommonName, spec.CommonName)
	}
	return ""
}

// conflictOf returns the message of a conflict about names or the Secret of a certificate, from its status for the current spec.
// It is empty if there is none or it is not known yet.
func conflictOf(cert *v1alpha1.ApisixCertificate) string {
	issued := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionIssued)
	if issued == nil || issued.Reason != v1alpha1.ReasonConflict || issued.ObservedGeneration != cert.Generation {
		return ""
	}
	return issued.Message
}

// addUnmanagedEvents adds events for sources whose Secret belongs to a certificate that is not theirs, if that lacks some of their hosts.
func (p *plan) addUnmanagedEvents(u union, cert *v1alpha1.ApisixCertificate, whose, fix string) {
	for _, m := range slices.Concat(u.joined, u.tooMany, u.faulty) {
		if m.entry == nil || m.entry.cert == nil || references(cert, m.ref.UID) {
			continue
		}
		for _, host := range m.entry.cert.Spec.DNSNames {
			if !covered(cert, host) {
				p.warn(m.object, v1alpha1.ReasonInvalidSource, fmt.Sprintf("Secret %s has ApisixCertificate %s, %s, which lacks host %s: %s",
					u.group.secretText(), cert.Name, whose, host, fix))
				break
			}
		}
	}
}

// addFinalizerEvents adds events about the finalizer of another controller that blocks the deletion of a certificate.
func (p *plan) addFinalizerEvents(u union, cert *v1alpha1.ApisixCertificate) {
	ours := []string{v1alpha1.Finalizer, metav1.FinalizerDeleteDependents, metav1.FinalizerOrphanDependents}
	for _, finalizer := range cert.Finalizers {
		if slices.Contains(ours, finalizer) {
			continue
		}
		for _, m := range slices.Concat(u.joined, u.tooMany, u.faulty) {
			p.warn(m.object, v1alpha1.ReasonInvalidSource, fmt.Sprintf("ApisixCertificate %s is being deleted and blocked by finalizer %s: remove the finalizer, and a new one is created for Secret %s",
				cert.Name, finalizer, u.group.secretText()))
		}
		return
	}
}

// differences returns what two certificates of one Secret differ in, except for hosts, in the terms of a source.
func differences(a, b *v1alpha1.ApisixCertificate) []string {
	one, two := a.Spec, b.Spec
	one.DNSNames, two.DNSNames = nil, nil
	if equality.Semantic.DeepEqual(one, two) {
		return nil
	}
	fields := func(spec v1alpha1.ApisixCertificateSpec) map[string]any {
		data, _ := json.Marshal(spec)
		var all map[string]any
		_ = json.Unmarshal(data, &all)
		return all
	}
	ours, theirs := fields(one), fields(two)
	var found []string
	for _, all := range []map[string]any{ours, theirs} {
		for field := range all {
			if equality.Semantic.DeepEqual(ours[field], theirs[field]) {
				continue
			}
			switch annotation, ok := annotationOf[field]; {
			case ok:
				found = append(found, "annotation "+annotation)
			case field == "gatewayRef":
				found = append(found, "the Gateway")
			case field == "ingressClassName":
				found = append(found, "the ingress class")
			default:
				found = append(found, field)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// covered reports whether a certificate covers a host.
func covered(cert *v1alpha1.ApisixCertificate, host string) bool {
	return slices.ContainsFunc(cert.Spec.DNSNames, func(name string) bool { return name == host || certs.MatchHost(name, host) })
}

func references(cert *v1alpha1.ApisixCertificate, uid types.UID) bool {
	return slices.ContainsFunc(cert.OwnerReferences, func(ref metav1.OwnerReference) bool { return ref.UID == uid })
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
