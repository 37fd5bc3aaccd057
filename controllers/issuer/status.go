// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/note"
)

// mostDomains is the maximum number of allowed domains in a status.
const mostDomains = 20

// report updates the issuer's status with the result of a check. Fields that Vault did not return this time are not changed.
func (r *reconciler) report(issuer object, found vault.Status, err error) {
	status, now := issuer.IssuerStatus(), r.sessions.Clock.Now()
	set := func(c metav1.Condition) {
		c.ObservedGeneration, c.LastTransitionTime = issuer.GetGeneration(), metav1.NewTime(now.Truncate(time.Second))
		meta.SetStatusCondition(&status.Conditions, c)
	}
	status.ObservedGeneration = issuer.GetGeneration()
	set(ready(found, err))
	if err != nil {
		return
	}
	status.Role = roleOf(found.Role)
	if observation := r.sessions.Observation(issuer); len(observation.CAs) > 0 {
		ca := caOf(observation)
		// Controllers of several shards see a new CA within the same minute: keep the time of the first one.
		if status.CA != nil && status.CA.Fingerprint == ca.Fingerprint {
			ca.Since = status.CA.Since
		}
		status.CA = ca
	}
	if status.CA != nil {
		set(expiringCondition(status.CA, r.sessions.CAWarning, now))
	}
}

func caOf(s Observation) *v1alpha1.IssuerCA {
	ends, _ := certs.CAExpiry(s.CAs)
	return &v1alpha1.IssuerCA{
		CommonName: s.CAs[0].Subject.CommonName, Fingerprint: s.CA(),
		NotAfter: metav1.NewTime(ends), Since: metav1.NewTime(s.CASince),
	}
}

func roleOf(role *vault.Role) *v1alpha1.IssuerRole {
	if role == nil {
		return nil
	}
	shown := &v1alpha1.IssuerRole{
		KeyType: role.KeyType, KeyBits: int32(role.KeyBits), AllowAnyName: role.AllowAnyName,
		AllowedDomains: role.AllowedDomains[:min(len(role.AllowedDomains), mostDomains)],
	}
	if role.MaxTTL > 0 {
		shown.MaxTTL = &metav1.Duration{Duration: role.MaxTTL}
	}
	return shown
}

// expiringCondition returns the CAExpiring condition.
func expiringCondition(ca *v1alpha1.IssuerCA, warning time.Duration, now time.Time) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionCAExpiring, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCAValid, Message: "CA is valid"}
	switch {
	case !now.Before(ca.NotAfter.Time):
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, v1alpha1.ReasonCAExpiringSoon, "CA has expired (see status.ca), and all certificates it issued are invalid: rotate it in Vault"
	case ca.NotAfter.Sub(now) < warning:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, v1alpha1.ReasonCAExpiringSoon, "CA expires soon (see status.ca.notAfter), and no certificate outlives it: rotate it in Vault"
	}
	return c
}

// recordEvents records an event for each condition whose reason or message has changed, and for another CA.
func (r *reconciler) recordEvents(issuer, before object) {
	for _, is := range issuer.IssuerStatus().Conditions {
		was := meta.FindStatusCondition(before.IssuerStatus().Conditions, is.Type)
		if was != nil && was.Reason == is.Reason && was.Message == is.Message || was == nil && is.Reason == v1alpha1.ReasonCAValid {
			continue
		}
		kind := corev1.EventTypeNormal
		if is.Reason != v1alpha1.ReasonVaultReady && is.Reason != v1alpha1.ReasonCAValid {
			kind = corev1.EventTypeWarning
		}
		r.recorder.Eventf(issuer, nil, kind, is.Reason, "Check", "%s", note.Fit(is.Message))
	}
	was, is := before.IssuerStatus().CA, issuer.IssuerStatus().CA
	if was != nil && is != nil && was.Fingerprint != is.Fingerprint {
		r.recorder.Eventf(issuer, nil, corev1.EventTypeNormal, v1alpha1.ReasonCARotated, "Check", "issuer signs with another CA now, and certificates of the former CA are reissued")
	}
}

// leasesWarning is part of the Ready condition of an issuer whose certificates are revoked when the controller's token expires.
const leasesWarning = "the role has generate_lease=true, so Vault revokes all certificates of this issuer when the controller's token expires: set generate_lease=false on the role in Vault"

// ready returns the Ready condition after a check.
func ready(found vault.Status, err error) metav1.Condition {
	c := readiness(err)
	if err != nil {
		return c
	}
	notes := found.Notes
	if found.GeneratesLeases {
		c.Reason, notes = v1alpha1.ReasonRoleGeneratesLeases, append([]string{leasesWarning}, notes...)
	}
	if len(notes) > 0 {
		c.Message = "Vault responds and the login works; " + strings.Join(notes, "; ")
	}
	return c
}

// readiness returns the Ready condition for the error of a check.
func readiness(err error) metav1.Condition {
	not := func(reason, message string) metav1.Condition {
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	var (
		credentials *CredentialsError
		answer      *vault.Error
		field       certs.FieldError
	)
	switch {
	case err == nil:
		return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonVaultReady,
			Message: "Vault responds, the login works and the role exists"}
	case errors.As(err, &credentials):
		return not(v1alpha1.ReasonInvalidCredentials, credentials.Error())
	case errors.As(err, &field):
		return not(v1alpha1.ReasonInvalidSpec, "spec."+field.Error())
	case errors.As(err, &answer) && answer.Kind == vault.Transient:
		return not(v1alpha1.ReasonVaultUnavailable, answer.Error())
	case errors.As(err, &answer):
		return not(v1alpha1.ReasonVaultRefused, answer.Error())
	}
	return not(v1alpha1.ReasonInvalidCredentials, "the credentials could not be read: see the controller's log")
}
