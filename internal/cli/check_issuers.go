// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// issuerResult is the result of the checks of an issuer.
type issuerResult struct {
	// faulty is set if there is a finding about the issuer, which is not repeated for its certificates.
	faulty bool
	status vault.Status // zero if Vault cannot be reached from here
}

// issuerTimeout limits the checks of one issuer.
const issuerTimeout = 20 * time.Second

// checkIssuers logs in to the Vault of each issuer with its credentials, as the controller does.
func (d *checker) checkIssuers(ctx context.Context) error {
	sessions := d.options.Sessions(d.access, d.access)
	sessions.UserAgent = d.access.config.UserAgent
	if !d.optionsKnown {
		sessions.Bounds = nil
	}
	found, err := d.listIssuers(ctx)
	if err != nil {
		return err
	}
	d.issuersRead = len(d.diagnosis.current().Notes) == 0
	for _, one := range found {
		d.waiting.setStep("checking %s", objectOf(one))
		d.diagnosis.addChecked(1)
		look, err := d.checkIssuer(ctx, sessions, one)
		sessions.Forget(issuer.KeyOf(one))
		if err != nil {
			return err
		}
		d.issuers[objectOf(one)] = look
	}
	return nil
}

// listIssuers lists the VaultIssuers of the selected namespaces, all ClusterVaultIssuers, and the cert-manager issuers in use.
func (d *checker) listIssuers(ctx context.Context) ([]v1alpha1.Issuer, error) {
	var found []v1alpha1.Issuer
	var list v1alpha1.VaultIssuerList
	if err := d.access.list(ctx, &list); err != nil {
		return nil, err
	}
	for i := range list.Items {
		list.Items[i].Kind = v1alpha1.KindVaultIssuer
		found = append(found, &list.Items[i])
	}
	var clusterList v1alpha1.ClusterVaultIssuerList
	if err := d.access.List(ctx, &clusterList); err != nil && !d.noteSkipped(err) {
		return nil, err
	}
	for i := range clusterList.Items {
		clusterList.Items[i].Kind = v1alpha1.KindClusterVaultIssuer
		found = append(found, &clusterList.Items[i])
	}
	others, err := d.certManagerIssuers(ctx)
	return append(found, others...), err
}

// certManagerIssuers returns the cert-manager issuers of type vault that certificates refer to.
func (d *checker) certManagerIssuers(ctx context.Context) ([]v1alpha1.Issuer, error) {
	certificates, err := d.certificates(ctx)
	if err != nil {
		return nil, err
	}
	var found []v1alpha1.Issuer
	seen := map[string]bool{}
	for i := range certificates {
		ref := certificates[i].Spec.IssuerRef.WithKind()
		name := issuerObject(&certificates[i])
		if ref.External() {
			d.issuers[name] = issuerResult{} // used through cert-manager, and not readable
			continue
		}
		if v1alpha1.GroupOf(ref.Kind) != v1alpha1.GroupCertManager || seen[name] {
			continue
		}
		seen[name] = true
		one, err := issuer.FindCertManagerIssuer(ctx, d.access, keyOfRef(&certificates[i]))
		var field certs.FieldError
		switch {
		case errors.As(err, &field):
			d.diagnosis.addFinding(finding{Object: name, Field: "spec." + field.Field, Problem: field.Problem, Fix: field.Fix})
			d.issuers[name] = issuerResult{faulty: true}
		case err != nil:
			return nil, err
		case one != nil && one.Vault():
			found = append(found, one)
		case one != nil:
			d.issuers[name] = issuerResult{} // used through cert-manager
		}
	}
	return found, nil
}

func keyOfRef(cert *v1alpha1.ApisixCertificate) issuer.Key {
	ref := cert.Spec.IssuerRef.WithKind()
	key := issuer.Key{Kind: ref.QualifiedKind(), Namespace: cert.Namespace, Name: ref.Name}
	if ref.ClusterWide() {
		key.Namespace = ""
	}
	return key
}

// issuerObject returns the kind and name of the issuer of a certificate, as objectOf does.
func issuerObject(cert *v1alpha1.ApisixCertificate) string { return named(keyOfRef(cert)) }

func objectOf(one v1alpha1.Issuer) string { return named(issuer.KeyOf(one)) }

func named(key issuer.Key) string {
	if key.Namespace == "" {
		return key.Kind + " " + key.Name
	}
	return key.Kind + " " + key.Namespace + "/" + key.Name
}

func (d *checker) checkIssuer(ctx context.Context, sessions *issuer.Sessions, one v1alpha1.Issuer) (issuerResult, error) {
	if may, err := d.checkTokenRight(ctx, one, sessions.Home(one)); err != nil || !may {
		return issuerResult{faulty: err == nil}, err
	}
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	var status vault.Status
	session, err := sessions.Refresh(ctx, one)
	if err == nil {
		status, err = session.Check(ctx)
	}
	switch {
	case err != nil && d.onlyReachableFromPods(one, err):
		d.diagnosis.addNote(objectOf(one) + " is Ready, but Vault cannot be reached from here, so the role is not compared: run check in the controller's Pod")
		return issuerResult{}, nil
	case apierrors.IsForbidden(err):
		d.diagnosis.addNote(objectOf(one) + ": cannot read its credentials: " + d.access.explainError(err).Error())
		return issuerResult{}, nil
	case err != nil:
		return issuerResult{faulty: true}, d.addIssuerFinding(one, err)
	case !status.CANotAfter.IsZero() && status.CANotAfter.Sub(d.now) < caWarning:
		d.diagnosis.addFinding(finding{Object: objectOf(one), Field: "spec.path", Problem: "the CA " + expiryText(status.CANotAfter, d.now) +
			", and its certificates are not valid beyond that date", Fix: "renew the CA in Vault, and set the new issuer in the role"})
	}
	if status.GeneratesLeases {
		d.diagnosis.addFinding(finding{Object: objectOf(one), Field: "spec.path", Problem: "the role has generate_lease=true, so Vault revokes all its certificates when the controller's token expires",
			Fix: "set generate_lease=false on the role in Vault"})
	}
	for _, note := range status.Notes {
		d.diagnosis.addNote(objectOf(one) + ": " + note)
	}
	return issuerResult{status: status}, nil
}

// caWarning is how long before its expiry a CA is a finding. It is the default of the controller's --ca-expiry-warning.
const caWarning = 30 * 24 * time.Hour

func expiryText(at, now time.Time) string {
	if !now.Before(at) {
		return "has expired"
	}
	return fmt.Sprintf("expires within %d days", caWarning/(24*time.Hour))
}

// onlyReachableFromPods reports whether Vault cannot be reached from here, but the controller can: the issuer is Ready.
func (d *checker) onlyReachableFromPods(one v1alpha1.Issuer, err error) bool {
	var response *vault.Error
	return errors.As(err, &response) && response.Kind == vault.Transient && response.Status == 0 &&
		meta.IsStatusConditionTrue(one.IssuerStatus().Conditions, v1alpha1.ConditionReady)
}

// checkTokenRight reports whether the controller is allowed to create tokens of the ServiceAccount of the issuer.
func (d *checker) checkTokenRight(ctx context.Context, one v1alpha1.Issuer, home string) (may bool, err error) {
	field, account := "", (*v1alpha1.ServiceAccountReference)(nil)
	switch auth := one.IssuerSpec().Auth; {
	case auth.Kubernetes != nil:
		field, account = "spec.auth.kubernetes.serviceAccountRef", auth.Kubernetes.ServiceAccountRef
	case auth.JWT != nil:
		field, account = "spec.auth.jwt.serviceAccountRef", auth.JWT.ServiceAccountRef
	}
	if account == nil {
		return true, nil
	}
	key := client.ObjectKey{Namespace: home, Name: account.Name}
	may, err = d.mayTokens(ctx, key)
	if err != nil || may {
		return may, err
	}
	d.diagnosis.addFinding(finding{Object: objectOf(one), Field: field,
		Problem: fmt.Sprintf("the controller is not allowed to create tokens of ServiceAccount %s in namespace %s", key.Name, key.Namespace),
		Fix: fmt.Sprintf("permit it with kubectl -n %s create role %s-token --verb=create --resource=serviceaccounts/token --resource-name=%s, and a RoleBinding to ServiceAccount %s",
			key.Namespace, key.Name, key.Name, d.home)})
	return false, nil
}

// issuerFields are the fields of an issuer that decide the result of an operation of Vault.
var issuerFields = map[string]string{"login": "spec.auth", "health": "spec.server", "capabilities": "spec.path", "role": "spec.path", "ca": "spec.path"}

// addIssuerFinding adds a finding for an error of a session. It returns errors of the API server.
func (d *checker) addIssuerFinding(one v1alpha1.Issuer, err error) error {
	f := finding{Object: objectOf(one)}
	var credentials *issuer.CredentialsError
	var response *vault.Error
	var field certs.FieldError
	switch {
	case errors.As(err, &credentials):
		f.Field, f.Problem, f.Fix = credentials.Field, credentials.Problem, credentials.Fix
	case errors.As(err, &response):
		f.Field = issuerFields[response.Op]
		f.Problem, f.Fix = splitMessage(response.Message, "check "+f.Field+", and that Vault runs")
	case errors.As(err, &field):
		f.Field, f.Problem, f.Fix = "spec."+field.Field, field.Problem, field.Fix
	default:
		return err
	}
	d.diagnosis.addFinding(f)
	return nil
}
