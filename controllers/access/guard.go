// SPDX-License-Identifier: Apache-2.0

// Package access authorizes HTTP requests by a Kubernetes bearer token. It protects the status page and the metrics if they are
// reachable from other machines.
//
//	guard := &access.Guard{Kube: kube, Clock: clock.RealClock{}, Rights: []access.Right{{Verb: "get", Path: "/metrics"}}}
//	http.ListenAndServe(address, guard.Handler(handler))
//
// It does not terminate TLS. The API server alone decides: the package stores no users or permissions.
package access

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

const (
	verdictLife   = time.Minute // how long a decision of the API server is cached
	maxVerdicts   = 1024        // cached decisions
	maxReviews    = 4           // concurrent reviews
	reviewTimeout = 10 * time.Second
)

// Right is a permission: a verb on a resource of apisix-certs.io in all namespaces, or on a URL path.
type Right struct{ Verb, Resource, Path string }

func (r Right) String() string {
	if r.Path != "" {
		return r.Verb + " " + r.Path
	}
	return fmt.Sprintf("%s %s.%s in all namespaces", r.Verb, r.Resource, v1alpha1.GroupVersion.Group)
}

// Guard authorizes requests whose token authenticates a user (TokenReview) with all Rights (SubjectAccessReview). It neither
// stores nor logs tokens: decisions are cached by the SHA-256 of the token.
type Guard struct {
	Kube   kubernetes.Interface // with permission to create tokenreviews and subjectaccessreviews
	Clock  clock.PassiveClock
	Rights []Right

	mu       sync.Mutex
	verdicts map[[sha256.Size]byte]verdict
	reviews  chan struct{}
}

// verdict is the decision on a token.
type verdict struct {
	status int // 200, 401 or 403
	says   string
	until  time.Time
}

// Handler authorizes each request before it calls next.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := bearer(r)
		if !ok {
			refuse(w, verdict{status: http.StatusUnauthorized, says: "a Kubernetes bearer token is required"})
			return
		}
		v, err := g.verdict(r.Context(), token)
		switch {
		case err != nil:
			ctrl.Log.WithName("access").Error(err, "cannot authorize a request", "path", r.URL.Path)
			http.Error(w, "the Kubernetes API cannot review this token now", http.StatusServiceUnavailable)
		case v.status != http.StatusOK:
			refuse(w, v)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, v verdict) {
	if v.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="apisix-certs"`)
	}
	http.Error(w, v.says, v.status)
}

// bearer returns the bearer token of a request (RFC 6750 section 2.1).
func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}

func (g *Guard) verdict(ctx context.Context, token string) (verdict, error) {
	key := sha256.Sum256([]byte(token))
	if v, ok := g.remembered(key); ok {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reviewTimeout)
	defer cancel()
	select {
	case g.slots() <- struct{}{}:
		defer func() { <-g.slots() }()
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	v, err := g.review(ctx, token)
	if err == nil {
		v.until = g.Clock.Now().Add(verdictLife)
		g.remember(key, v)
	}
	return v, err
}

func (g *Guard) review(ctx context.Context, token string) (verdict, error) {
	review, err := g.Kube.AuthenticationV1().TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, createOptions)
	if err != nil {
		return verdict{}, fmt.Errorf("TokenReview: %w", err)
	}
	if !review.Status.Authenticated {
		return verdict{status: http.StatusUnauthorized, says: "the bearer token is not valid"}, nil
	}
	for _, right := range g.Rights {
		allowed, err := g.has(ctx, review.Status.User, right)
		if err != nil {
			return verdict{}, err
		}
		if !allowed {
			return verdict{status: http.StatusForbidden, says: fmt.Sprintf("%s is not allowed to %s", review.Status.User.Username, right)}, nil
		}
	}
	return verdict{status: http.StatusOK}, nil
}

func (g *Guard) has(ctx context.Context, user authenticationv1.UserInfo, right Right) (bool, error) {
	extra := map[string]authorizationv1.ExtraValue{}
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	spec := authorizationv1.SubjectAccessReviewSpec{User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra}
	if right.Path != "" {
		spec.NonResourceAttributes = &authorizationv1.NonResourceAttributes{Verb: right.Verb, Path: right.Path}
	} else {
		spec.ResourceAttributes = &authorizationv1.ResourceAttributes{Verb: right.Verb, Group: v1alpha1.GroupVersion.Group, Resource: right.Resource}
	}
	review, err := g.Kube.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, createOptions)
	if err != nil {
		return false, fmt.Errorf("SubjectAccessReview: %w", err)
	}
	return review.Status.Allowed && !review.Status.Denied, nil
}
