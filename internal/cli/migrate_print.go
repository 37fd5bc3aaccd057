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

const migrationHead = `# Converted from cert-manager by apisix-certs migrate. For all steps, and how to go back, see docs/migration.md. In short:
#   1. apply the issuers, and wait until they are Ready: kubectl get vissuer,cvissuer -A
#   2. delete the Certificate of cert-manager, but keep its Secret: kubectl delete certificate NAME --cascade=orphan
#   3. apply the ApisixCertificate: the Secret is adopted unchanged, and renewed when it is due
# If spec.duration is unset, cert-manager requests 2160h, and apisix-certs uses the default of the issuer's role.
`

// migrated is a converted object of cert-manager.
type migrated struct {
	from     string
	manifest any // may be nil
	comments []string
}

// migrate converts objects of cert-manager and prints them. It converts the issuers first, because certificates depend on
// their type. version is the version of cert-manager, whose defaults apply. It is empty if unknown.
func migrate(out io.Writer, objects []unstructured.Unstructured, only selection, version string) error {
	selected := slices.DeleteFunc(objects, func(o unstructured.Unstructured) bool {
		return o.GroupVersionKind().Group != v1alpha1.GroupCertManager || !slices.Contains(cmKinds, o.GetKind())
	})
	if len(selected) == 0 {
		return fmt.Errorf("no Issuers, ClusterIssuers or Certificates of cert-manager found (use -A for all namespaces, or -f to read files)")
	}
	slices.SortStableFunc(selected, func(a, b unstructured.Unstructured) int {
		return slices.Index(cmKinds, a.GetKind()) - slices.Index(cmKinds, b.GetKind())
	})
	if err := only.validate(selected); err != nil {
		return err
	}
	vaults := map[string]bool{} // KIND namespace/name
	fmt.Fprint(out, migrationHead)
	for i := range selected {
		object := &selected[i]
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

// includes reports whether to print an object.
func (s selection) includes(object *unstructured.Unstructured) bool {
	if object.GetKind() != "Certificate" {
		return len(s.names) == 0
	}
	return !s.issuers && (len(s.names) == 0 || slices.Contains(s.names, object.GetName()))
}

// validate returns an error if a name is not that of a Certificate.
func (s selection) validate(objects []unstructured.Unstructured) error {
	for _, name := range s.names {
		if !slices.ContainsFunc(objects, func(o unstructured.Unstructured) bool { return o.GetKind() == "Certificate" && o.GetName() == name }) {
			return fmt.Errorf("Certificate %s of cert-manager not found (use -n or -A for other namespaces, or -f to read files)", name)
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

// manifest returns a manifest of apisix-certs with the name, namespace and labels of an object.
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
		m.comments = []string{fmt.Sprintf("no equivalent: the type is %s. Keep cert-manager for it, and refer to it with issuerRef: {group: %s, kind: %s, name: %s}",
			strings.Join(slices.Sorted(maps.Keys(spec)), ", "), v1alpha1.GroupCertManager, object.GetKind(), object.GetName())}
		return m
	}
	kept, lost := convertFields[v1alpha1.VaultIssuerSpec](vault, "spec.vault")
	m.comments = lost
	if object.GetKind() == v1alpha1.KindClusterIssuer {
		m.comments = append(m.comments, "its Secrets must be in the namespace of the controller's --cluster-resource-namespace, by default apisix-certs; cert-manager's default is cert-manager")
	}
	if _, ok, _ := unstructured.NestedMap(kept, "auth", "kubernetes", "serviceAccountRef"); ok {
		m.comments = append(m.comments, "permit ServiceAccount apisix-certs in namespace apisix-certs to create serviceaccounts/token of its ServiceAccount, as for cert-manager")
	}
	_, dropped := annotations(object, nil)
	m.comments = append(m.comments, dropped...)
	m.manifest = manifest(ourKinds[object.GetKind()], object, nil, kept)
	return m
}

// migrateCertificate converts a Certificate to an ApisixCertificate that adopts its Secret.
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

// keyWithDefaults returns a privateKey with cert-manager's defaults. With the defaults of apisix-certs, a renewal would request
// another kind of key, which a role for RSA keys rejects. note is a comment if the rotation policy is unset.
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
		return key, "spec.privateKey.rotationPolicy is unset. The default is Always, as in cert-manager 1.18 and later; in older versions it is Never. Set Never to reuse the private key"
	case never:
		key["rotationPolicy"] = v1alpha1.RotationNever
		return key, "rotationPolicy: Never is the default of cert-manager " + version + ". Remove it to generate a new private key for each renewal"
	}
	return key, "spec.privateKey.rotationPolicy is unset. The default is Always, as in cert-manager " + version
}

// keepsKeys reports whether a version of cert-manager reuses the private key if rotationPolicy is unset. known is false if
// version is not a version number.
func keepsKeys(version string) (never, known bool) {
	v, err := utilversion.ParseGeneric(version)
	if err != nil {
		return false, false
	}
	return v.LessThan(utilversion.MustParseGeneric("1.18.0")), true
}

// annotations returns the annotations that the converted object keeps, because its issuer reads them, and comments on the
// others. ref is the issuerRef of a converted Certificate, or nil.
func annotations(object *unstructured.Unstructured, ref map[string]any) (carried map[string]string, dropped []string) {
	cert := &v1alpha1.ApisixCertificate{}
	cert.Annotations = object.GetAnnotations()
	cert.Spec.IssuerRef.Group, _ = ref["group"].(string)
	carried = certspec.IssuerAnnotations(cert)
	for _, name := range slices.Sorted(maps.Keys(cert.Annotations)) {
		if _, ok := carried[name]; !ok && name != corev1.LastAppliedConfigAnnotation {
			dropped = append(dropped, terminal.Escape(fmt.Sprintf("no equivalent: annotation %s: %s", name, cert.Annotations[name])))
		}
	}
	return carried, dropped
}

// annotated are the kinds for which both cert-manager and apisix-certs create certificates, with the full names of their
// resources for kubectl.
var annotated = map[schema.GroupKind]string{
	{Group: "networking.k8s.io", Kind: "Ingress"}: "ingress",
	gatewayapi.GatewayKind.GroupKind():            "gateways." + gatewayapi.GatewayKind.Group,
	gatewayapi.ListenerSetKind.GroupKind():        "listenersets." + gatewayapi.ListenerSetKind.Group,
}

// sourceComments returns the steps for a Certificate that cert-manager created for another object, and would create again.
// done is true if only that object has to be migrated.
func sourceComments(object *unstructured.Unstructured, ref map[string]any, version string) (comments []string, done bool) {
	owner := metav1.GetControllerOf(object)
	if owner == nil {
		return nil, false
	}
	resource, ok := annotated[schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind()]
	if !ok {
		return []string{fmt.Sprintf("created by cert-manager for %s %s, and would be created again: remove its cert-manager.io annotations first", owner.Kind, owner.Name)}, false
	}
	annotations := append(issuerAnnotations(ref), keyAnnotations(object, version)...)
	annotations = append(annotations, v1alpha1.AnnotationAdoptSecret+"=true")
	return []string{
		fmt.Sprintf("created by cert-manager for %s %s: replace its cert-manager.io annotations with apisix-certs.io annotations, and set these:", owner.Kind, owner.Name),
		fmt.Sprintf("kubectl -n %s annotate %s %s %s cert-manager.io/issuer- cert-manager.io/cluster-issuer- kubernetes.io/tls-acme-", object.GetNamespace(), resource, owner.Name, strings.Join(annotations, " ")),
		fmt.Sprintf("kubectl -n %s delete certificate %s --cascade=orphan", object.GetNamespace(), object.GetName()),
	}, true
}

// issuerAnnotations returns the annotations of a source for an issuer. An external issuer also needs its kind.
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

// keyAnnotations returns the annotations for private key settings that are unset, with cert-manager's defaults.
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

// issuerRef returns the reference to the converted issuer, or to cert-manager's if it is not of type vault.
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
	original := map[string]any{"group": v1alpha1.GroupCertManager, "kind": kind, "name": name}
	if !known {
		note = "the issuer is not in the input, so issuerRef names cert-manager's issuer. This also works if its type is vault"
	}
	return original, note
}

// problemsIn returns comments on what is invalid in the converted spec.
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

// convertFields returns the fields of spec that T has too, and comments on the others. path is the path of spec.
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
			lost = append(lost, fmt.Sprintf("no equivalent: %s.%s has another type in apisix-certs", path, field))
		}
	}
	data, err := json.Marshal(known)
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return map[string]any{}, append(lost, "no equivalent: "+err.Error())
	}
	kept = onlyGiven(kept, spec)
	for _, path := range lostFields(spec, kept, path) {
		lost = append(lost, "no equivalent: "+path)
	}
	return kept, lost
}

// onlyGiven returns the fields of kept that are in given, with the values of given. It drops the zero values that T adds.
func onlyGiven(kept, given map[string]any) map[string]any {
	left := map[string]any{}
	for name, value := range kept {
		original, ok := given[name]
		if !ok {
			continue
		}
		inner, isMap := value.(map[string]any)
		originalInner, originalIsMap := original.(map[string]any)
		if isMap && originalIsMap {
			left[name] = onlyGiven(inner, originalInner)
			continue
		}
		left[name] = original
	}
	return left
}

// lostFields returns the paths in given that are not in kept, with scalar values.
func lostFields(given, kept map[string]any, path string) []string {
	var lost []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		field := path + "." + name
		inner, isMap := given[name].(map[string]any)
		keptInner, known := kept[name].(map[string]any)
		switch _, ok := kept[name]; {
		case isMap && known:
			lost = append(lost, lostFields(inner, keptInner, field)...)
		case !ok && isEmpty(given[name]):
		case !ok && name == "password":
			lost = append(lost, field+" (store it in a Secret and set passwordSecretRef)")
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
