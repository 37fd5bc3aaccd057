// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// step is how far issuing came: a new certificate is in the Secret, or on its way.
type step struct {
	issued   bool
	warnings []string
	pending  *finding
}

// issue gets a new certificate, checks it, and writes the Secret. Nothing is written before the answer has been checked.
func (r *Reconciler) issue(ctx context.Context, o *observed, p plan) (step, error) {
	if o.byRequest() {
		return r.issueByRequest(ctx, o, p)
	}
	if held, ok := r.unwritten.Load(o.cert.UID); ok {
		if u := held.(unwritten); u.digest == o.requestDigest() {
			return r.keep(ctx, o, p.decision, u)
		}
		r.unwritten.Delete(o.cert.UID)
	}
	session, err := r.Signers.Get(ctx, o.issuer)
	if err != nil {
		return step{}, err
	}
	if session.MakesKey() {
		if err := r.try(ctx, o, []byte("dry run")); err != nil {
			return step{}, err
		}
	}
	var key certs.Key
	answer, err := session.Issue(ctx, vault.Request{
		ID: string(o.cert.UID), Group: o.cert.Namespace, Spec: o.spec, Finish: true, Ends: p.decision.NotAfter,
		CSR: func() (csr []byte, err error) {
			key, csr, err = o.newRequest(p)
			if err != nil {
				return nil, err
			}
			return csr, r.try(ctx, o, csr)
		},
	})
	if busy := (*vault.BusyError)(nil); !errors.As(err, &busy) && !inTime(p.decision.Reason) {
		r.signatures.spend(o.cert.UID, r.Clock.Now())
	}
	if err != nil {
		return step{}, err
	}
	return r.keep(ctx, o, p.decision, unwritten{answer, key, o.requestDigest()})
}

// newRequest makes the key and the request that is signed with it.
func (o *observed) newRequest(p plan) (certs.Key, []byte, error) {
	key, err := o.key(p)
	if err != nil {
		return certs.Key{}, nil, err
	}
	csr, err := certs.CreateRequest(o.spec, key)
	if err != nil {
		return certs.Key{}, nil, fmt.Errorf("certificate request: %w", err)
	}
	return key, csr, nil
}

// try asks the API server whether it would take the Secret, before a signature is spent on one that it refuses.
func (r *Reconciler) try(ctx context.Context, o *observed, csr []byte) error {
	if !o.mustTry() {
		return nil
	}
	permit, ok := o.right.Write()
	if !ok {
		return o.right.Refused()
	}
	if o.secret != nil && o.secret.Type != o.secretType() {
		return nil // it is deleted and created
	}
	return r.secrets().Try(ctx, permit, o.secret, o.trial(csr))
}

// unwritten is what was signed and is not in a Secret yet. It is kept in memory, and written before anything is signed again.
type unwritten struct {
	answer vault.Answer
	key    certs.Key
	digest string // of what was asked for
}

// keep takes an answer, and holds on to it where the Secret cannot be written.
func (r *Reconciler) keep(ctx context.Context, o *observed, d certs.Decision, u unwritten) (step, error) {
	warnings, err := r.take(ctx, o, d, u.answer, u.key)
	var rejected *certs.AnswerError
	if err != nil && !errors.As(err, &rejected) {
		r.unwritten.Store(o.cert.UID, u)
	} else {
		r.unwritten.Delete(o.cert.UID)
	}
	return step{issued: err == nil, warnings: warnings}, err
}

// take checks an answer to a decision and keeps it. It is finished though the controller stops: what was signed must not be lost.
func (r *Reconciler) take(ctx context.Context, o *observed, d certs.Decision, answer vault.Answer, key certs.Key) (warnings []string, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTimeout)
	defer cancel()
	public := crypto.PublicKey(nil)
	if answer.Bundle.Key.IsZero() {
		public = key.Public()
	} else {
		key = answer.Bundle.Key // the issuer made the key
	}
	if warnings, err = certs.CheckAnswer(answer.Bundle, o.spec, public, r.Clock.Now()); err != nil {
		return nil, err
	}
	if missing := certs.Ungranted(answer.Bundle.Leaf, o.spec); missing != "" {
		return nil, &certs.AnswerError{Problem: missing, Mend: "have the issuer grant it (a role of Vault sets subject and usages by itself: organization, ou, country, key_usage, ext_key_usage and so on), or drop it from the spec"}
	}
	if asSpecified[d.Reason] {
		if err := certs.CheckSuccessor(answer.Bundle, d.Bundle, o.spec, r.Clock.Now()); err != nil {
			return nil, err
		}
	}
	if err := r.storeKey(ctx, o, answer, key); err != nil {
		return nil, err
	}
	m := material{
		cert: answer.CertPEM, key: key.PEM(o.spec.Key.Encoding), ca: answer.CAPEM,
		issuedAt: r.Clock.Now(), digest: o.spec.Digest(), under: o.standing.Chain(), place: o.wantedPlace(),
	}
	return warnings, persist(ctx, func() error { return r.writeSecret(ctx, o, m) })
}

// persist repeats a write that may pass a moment later, for what was signed is lost without it. A write that was done
// though its answer was lost is refused the second time, and the next run finds what it wrote.
func persist(ctx context.Context, write func() error) error {
	var err error
	ended := wait.ExponentialBackoffWithContext(ctx, persistence, func(context.Context) (bool, error) {
		err = write()
		return err == nil || !tlssecret.Passing(err), nil
	})
	if err == nil {
		return ended // before the first write
	}
	return err
}

// persistence takes longer in all than takeTimeout.
var persistence = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Steps: 8}

// takeTimeout is less than the time that the controller is given to stop.
const takeTimeout = 10 * time.Second

// storeKey keeps a new key that does not go into the Secret.
func (r *Reconciler) storeKey(ctx context.Context, o *observed, answer vault.Answer, key certs.Key) error {
	fingerprint, pem := certs.Fingerprint(answer.Bundle.Leaf), key.PEM(o.spec.Key.Encoding)
	switch o.storage() {
	case v1alpha1.KeyInVaultKV:
		if err := r.writeKV(ctx, o, fingerprint, answer.CertPEM, pem); err != nil {
			return err
		}
	case v1alpha1.KeyAtGateway:
		r.keys.put(o.cert.UID, fingerprint, pem)
	}
	o.lost = ""
	return nil
}

// key is the key to ask a certificate for: a new one, unless the spec wants the old one kept and it fits.
func (o *observed) key(p plan) (certs.Key, error) {
	old := p.decision.Bundle.Key
	wanted := certs.KeyFor(o.spec.Key, p.decision.Bundle)
	if k := o.cert.Spec.PrivateKey; k != nil && k.RotationPolicy == v1alpha1.RotationNever && !old.IsZero() {
		is := old.Spec()
		if (wanted.Algorithm == "" || wanted.Algorithm == is.Algorithm) && (wanted.Size == 0 || wanted.Size == is.Size) {
			return old, nil
		}
	}
	return certs.GenerateKey(wanted)
}
