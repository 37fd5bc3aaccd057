// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

const migrationHead = `# Made by apisix-certs migrate from objects of cert-manager. The whole way, and the way back: docs/migration.md. In short:
#   1. apply the issuers, and wait until they are Ready: kubectl get vissuer,cvissuer -A
#   2. delete the Certificate of cert-manager without its Secret: kubectl delete certificate NAME --cascade=orphan
#   3. apply the ApisixCertificate: it takes the Secret over as it is, and renews it when that is due
# Where spec.duration is unset, cert-manager asks for 2160h and apisix-certs for what the issuer's role gives.
`

// migrated is what one object of cert-manager becomes: a manifest, and comments.
type migrated struct {
	from     string
	manifest any // nil: there is none
	comments []string
}

// migrate prints what there is for each object; the issuers first, for certificates go by which of them are of Vault.
// version is that of the cert-manager whose defaults hold, empty where it is not known.
func migrate(out io.Writer, objects []unstructured.Unstructured, only selection, version string) error {
	theirs := slices.DeleteFunc(objects, func(o unstructured.Unstructured) bool {
		return o.GroupVersionKind().Group != v1alpha1.GroupCertManager || !slices.Contains(cmKinds, o.GetKind())
	})
	if len(theirs) == 0 {
		return fmt.Errorf("there is no Issuer, ClusterIssuer or Certificate of cert-manager: look in other namespaces with -A, or in files with -f")
	}
	slices.SortStableFunc(theirs, func(a, b unstructured.Unstructured) int {
		return slices.Index(cmKinds, a.GetKind()) - slices.Index(cmKinds, b.GetKind())
	})
	if err := only.validate(theirs); err != nil {
		return err
	}
	vaults := map[string]bool{} // KIND namespace/name
	fmt.Fprint(out, migrationHead)
	for i := range theirs {
		object := &theirs[i]
		var one migrated
		if object.GetKind() == "Certificate" {
			one = migrateCertificate(object, vaults, version)
		} else {
			one = migrateIssuer(object)
			vaults[object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName()] = one.manifest != nil
		}
		if !only.includes(object) {
			continue
		}
		if err := one.write(out); err != nil {
			return err
		}
	}
	return nil
}

// has tells whether an object is to be printed.
func (s selection) includes(object *unstructured.Unstructured) bool {
	if object.GetKind() != "Certificate" {
		return len(s.names) == 0
	}
	return !s.issuers && (len(s.names) == 0 || slices.Contains(s.names, object.GetName()))
}

// check wants every name to be that of a Certificate.
func (s selection) validate(objects []unstructured.Unstructured) error {
	for _, name := range s.names {
		if !slices.ContainsFunc(objects, func(o unstructured.Unstructured) bool { return o.GetKind() == "Certificate" && o.GetName() == name }) {
			return fmt.Errorf("there is no Certificate %s of cert-manager among what was read: look in other namespaces with -n or -A, or in files with -f", name)
		}
	}
	return nil
}

func (m migrated) write(out io.Writer) error {
	fmt.Fprintf(out, "---\n# %s\n", terminal.Escape(m.from))
	for _, comment := range m.comments {
		fmt.Fprintf(out, "# %s\n", terminal.Escape(oneLine(comment)))
	}
	if m.manifest == nil {
		return nil
	}
	data, err := yaml.Marshal(m.manifest)
	if err == nil {
		_, err = io.WriteString(out, terminal.EscapeLines(string(data)))
	}
	return err
}

func nameOf(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return object.GetKind() + " " + object.GetName()
	}
	return object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
}

// manifest is one of this project, without what the API server adds.
func manifest(kind string, of *unstructured.Unstructured, annotations map[string]string, spec map[string]any) map[string]any {
	metadata := map[string]any{"name": of.GetName()}
	if of.GetNamespace() != "" {
		metadata["namespace"] = of.GetNamespace()
	}
	if len(of.GetLabels()) > 0 {
		metadata["labels"] = of.GetLabels()
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": kind, "metadata": metadata, "spec": spec}
}

var ourKinds = map[string]string{v1alpha1.KindIssuer: v1alpha1.KindVaultIssuer, v1alpha1.KindClusterIssuer: v1alpha1.KindClusterVaultIssuer}

func migrateIssuer(object *unstructured.Unstructured) migrated {
	m := migrated{from: nameOf(object)}
	spec, _, _ := unstructured.NestedMap(object.Object, "spec")
	vault, ok := spec["vault"].(map[string]any)
	if !ok {
		m.comments = []string{fmt.Sprintf("no equal: it is of type %s. It goes on issuing by cert-manager, named as it is: issuerRef: {group: %s, kind: %s, name: %s}",
			strings.Join(slices.Sorted(maps.Keys(spec)), ", "), v1alpha1.GroupCertManager, object.GetKind(), object.GetName())}
		return m
	}
	kept, lost := convertFields[v1alpha1.VaultIssuerSpec](vault, "spec.vault")
	m.comments = lost
	if object.GetKind() == v1alpha1.KindClusterIssuer {
		m.comments = append(m.comments, "its Secrets must be in the controller's --cluster-resource-namespace, which is apisix-certs by default and was cert-manager before")
	}
	if _, ok, _ := unstructured.NestedMap(kept, "auth", "kubernetes", "serviceAccountRef"); ok {
		m.comments = append(m.comments, "let ServiceAccount apisix-certs of namespace apisix-certs create serviceaccounts/token of its ServiceAccount, as cert-manager's was let")
	}
	_, dropped := annotations(object, nil)
	m.comments = append(m.comments, dropped...)
	m.manifest = manifest(ourKinds[object.GetKind()], object, nil, kept)
	return m
}

// migrateCertificate turns a Certificate into an ApisixCertificate, which takes its Secret over.
func migrateCertificate(object *unstructured.Unstructured, vaults map[string]bool, version string) migrated {
	m := migrated{from: nameOf(object)}
	spec, _, _ := unstructured.NestedMap(object.Object, "spec")
	ref, _ := spec["issuerRef"].(map[string]any)
	delete(spec, "issuerRef")
	renamed, note := issuerRef(object.GetNamespace(), ref, vaults)
	if made, done := sourceComments(object, renamed, version); done {
		m.comments = made
		return m
	} else if len(made) > 0 {
		m.comments = made
	}
	kept, lost := convertFields[v1alpha1.ApisixCertificateSpec](spec, "spec")
	m.comments = append(m.comments, lost...)
	kept["issuerRef"] = renamed
	key, rotation := keyWithDefaults(kept["privateKey"], version)
	kept["privateKey"] = key
	if rotation != "" {
		m.comments = append(m.comments, rotation)
	}
	carried, dropped := annotations(object, renamed)
	m.comments = append(m.comments, dropped...)
	carried[v1alpha1.AnnotationAdoptSecret] = "true"
	if note != "" {
		m.comments = append(m.comments, note)
	}
	m.comments = append(m.comments, problemsIn(object.GetNamespace(), kept)...)
	m.manifest = manifest("ApisixCertificate", object, carried, kept)
	return m
}

// keyWithDefaults is a privateKey with what cert-manager takes where a field is unset. With what this project takes, a renewal
// would ask for a key of another kind, which a role for RSA keys refuses. note is about the rotation policy; empty where one
// is set.
func keyWithDefaults(given any, version string) (key map[string]any, note string) {
	key, _ = given.(map[string]any)
	if key == nil {
		key = map[string]any{}
	}
	if key["algorithm"] == nil {
		key["algorithm"] = string(certs.RSA)
	}
	if key["encoding"] == nil && key["algorithm"] != string(certs.Ed25519) {
		key["encoding"] = string(certs.PKCS1)
	}
	if policy, _ := key["rotationPolicy"].(string); policy != "" {
		return key, ""
	}
	switch never, known := keepsKeys(version); {
	case !known:
		return key, "spec.privateKey.rotationPolicy is unset: Always here and with cert-manager 1.18 and later, Never before. Add Never where the key must stay"
	case never:
		key["rotationPolicy"] = v1alpha1.RotationNever
		return key, "rotationPolicy: Never is the default of cert-manager " + version + ". Remove it for a new key at each renewal"
	}
	return key, "spec.privateKey.rotationPolicy is unset: Always here, as with cert-manager " + version
}

// keepsKeys reports whether a version of cert-manager keeps the key where rotationPolicy is unset. known is false for what is no
// version.
func keepsKeys(version string) (never, known bool) {
	v, err := utilversion.ParseGeneric(version)
	if err != nil {
		return false, false
	}
	return v.LessThan(utilversion.MustParseGeneric("1.18.0")), true
}

// annotations are those of an object that the migrated one keeps, as its issuer reads them, and comments on the others. ref is
// that of a migrated Certificate.
func annotations(object *unstructured.Unstructured, ref map[string]any) (carried map[string]string, dropped []string) {
	cert := &v1alpha1.ApisixCertificate{}
	cert.Annotations = object.GetAnnotations()
	cert.Spec.IssuerRef.Group, _ = ref["group"].(string)
	carried = certspec.IssuerAnnotations(cert)
	for _, name := range slices.Sorted(maps.Keys(cert.Annotations)) {
		if _, ok := carried[name]; !ok && name != corev1.LastAppliedConfigAnnotation {
			dropped = append(dropped, terminal.Escape(fmt.Sprintf("no equal: annotation %s: %s", name, cert.Annotations[name])))
		}
	}
	return carried, dropped
}

// annotated are the kinds of objects that cert-manager makes Certificates for and that are sources here too, by their groups: the resource
// is what kubectl calls them, whatever else has that name.
var annotated = map[schema.GroupKind]string{
	{Group: "networking.k8s.io", Kind: "Ingress"}: "ingress",
	gatewayapi.GatewayKind.GroupKind():            "gateways." + gatewayapi.GatewayKind.Group,
	gatewayapi.ListenerSetKind.GroupKind():        "listenersets." + gatewayapi.ListenerSetKind.Group,
}

// sourceComments says what to do about a Certificate that cert-manager made from another object, and would make again. done:
// that other object is all that is to be migrated.
func sourceComments(object *unstructured.Unstructured, ref map[string]any, version string) (comments []string, done bool) {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return nil, false
	}
	resource, ok := annotated[schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind()]
	if !ok {
		return []string{fmt.Sprintf("cert-manager made it from %s %s, and makes it again: take its annotations off that one first", owner.Kind, owner.Name)}, false
	}
	annotations := append(issuerAnnotations(ref), keyAnnotations(object, version)...)
	annotations = append(annotations, v1alpha1.AnnotationAdoptSecret+"=true")
	return []string{
		fmt.Sprintf("cert-manager made it from %s %s: there, take off the annotations of cert-manager.io/ and set them again as apisix-certs.io/, with these:", owner.Kind, owner.Name),
		fmt.Sprintf("kubectl -n %s annotate %s %s %s cert-manager.io/issuer- cert-manager.io/cluster-issuer- kubernetes.io/tls-acme-", object.GetNamespace(), resource, owner.Name, strings.Join(annotations, " ")),
		fmt.Sprintf("kubectl -n %s delete certificate %s --cascade=orphan", object.GetNamespace(), object.GetName()),
	}, true
}

// issuerAnnotations name an issuer on a source. One of a group that only cert-manager knows needs its kind too.
func issuerAnnotations(ref map[string]any) []string {
	text := func(field string) string { s, _ := ref[field].(string); return s }
	name, kind, group := text("name"), text("kind"), text("group")
	switch {
	case (v1alpha1.IssuerReference{Group: group}).External():
		return []string{v1alpha1.AnnotationIssuer + "=" + name, v1alpha1.AnnotationIssuerKind + "=" + kind, v1alpha1.AnnotationIssuerGroup + "=" + group}
	case strings.HasPrefix(kind, "Cluster"):
		name = v1alpha1.AnnotationClusterIssuer + "=" + name
	default:
		name = v1alpha1.AnnotationIssuer + "=" + name
	}
	if group != "" {
		return []string{name, v1alpha1.AnnotationIssuerGroup + "=" + group}
	}
	return []string{name}
}

// keyAnnotations are about the private key where the Certificate leaves that to cert-manager's defaults.
func keyAnnotations(object *unstructured.Unstructured, version string) (annotations []string) {
	if algorithm, _, _ := unstructured.NestedString(object.Object, "spec", "privateKey", "algorithm"); algorithm == "" {
		annotations = append(annotations, v1alpha1.AnnotationKeyAlgorithm+"="+string(certs.RSA))
	}
	if policy, _, _ := unstructured.NestedString(object.Object, "spec", "privateKey", "rotationPolicy"); policy == "" {
		if never, _ := keepsKeys(version); never {
			annotations = append(annotations, v1alpha1.AnnotationKeyRotationPolicy+"="+v1alpha1.RotationNever)
		}
	}
	return annotations
}

// issuerRef names the migrated issuer, or the same where that is not of Vault.
func issuerRef(namespace string, ref map[string]any, vaults map[string]bool) (renamed map[string]any, note string) {
	name, _ := ref["name"].(string)
	kind, _ := ref["kind"].(string)
	group, _ := ref["group"].(string)
	if kind == "" {
		kind = v1alpha1.KindIssuer
	}
	if group != "" && group != v1alpha1.GroupCertManager {
		return map[string]any{"group": group, "kind": kind, "name": name}, ""
	}
	key := kind + " " + namespace + "/" + name
	if kind == v1alpha1.KindClusterIssuer {
		key = kind + " /" + name
	}
	isVault, known := vaults[key]
	if isVault {
		return map[string]any{"kind": ourKinds[kind], "name": name}, ""
	}
	theirs := map[string]any{"group": v1alpha1.GroupCertManager, "kind": kind, "name": name}
	if !known {
		note = "its issuer was not among what was read, so that it is named as cert-manager's: where that is of Vault, this works too"
	}
	return theirs, note
}

// problemsIn are what the migrated spec would be refused for.
func problemsIn(namespace string, spec map[string]any) []string {
	var cert v1alpha1.ApisixCertificate
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"spec": spec}, &cert); err != nil {
		return []string{"fix: " + err.Error()}
	}
	cert.Namespace = namespace
	var problems []string
	for _, p := range certspec.Problems(&cert) {
		problems = append(problems, "fix: spec."+p.Error())
	}
	return problems
}

// carry takes over the fields of what is at path that T has, and says of the others that they have no equal.
func convertFields[T any](spec map[string]any, path string) (kept map[string]any, lost []string) {
	var known T
	kept = map[string]any{}
	for _, field := range slices.Sorted(maps.Keys(spec)) {
		one := map[string]any{field: spec[field]}
		data, err := json.Marshal(one)
		if err == nil {
			err = json.Unmarshal(data, &known)
		}
		if err != nil {
			lost = append(lost, fmt.Sprintf("no equal: %s.%s has another shape than cert-manager's", path, field))
		}
	}
	data, err := json.Marshal(known)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return map[string]any{}, append(lost, "no equal: "+err.Error())
	}
	kept = within(kept, spec)
	for _, path := range lostFields(spec, kept, path) {
		lost = append(lost, "no equal: "+path)
	}
	return kept, lost
}

// within leaves of kept what was given, with its own values: what T writes beyond that are its zero values.
func within(kept, given map[string]any) map[string]any {
	left := map[string]any{}
	for name, value := range kept {
		theirs, ok := given[name]
		if !ok {
			continue
		}
		inner, isMap := value.(map[string]any)
		theirInner, theirsIsMap := theirs.(map[string]any)
		if isMap && theirsIsMap {
			left[name] = within(inner, theirInner)
			continue
		}
		left[name] = theirs
	}
	return left
}

// lostFields are the paths in given that kept lacks, with their values where these are short.
func lostFields(given, kept map[string]any, path string) []string {
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		field := path + "." + name
		inner, isMap := given[name].(map[string]any)
		theirs, known := kept[name].(map[string]any)
		switch _, ok := kept[name]; {
		case isMap && known:
			lost = append(lost, lostFields(inner, theirs, field)...)
		case !ok && isEmpty(given[name]):
		case !ok && name == "password":
			lost = append(lost, field+" (put it into a Secret and name that in passwordSecretRef)")
		case !ok && isMap, !ok && isList(given[name]):
			lost = append(lost, field)
		case !ok:
			lost = append(lost, fmt.Sprintf("%s: %v", field, given[name]))
		}
	}
	return lost
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func isList(value any) bool { _, ok := value.([]any); return ok }
