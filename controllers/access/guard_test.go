// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"
)

// cluster knows token "good" of alice, and what she may list. It counts what it is asked.
type cluster struct {
	*fake.Clientset
	down  bool
	deny  bool
	may   map[string]bool
	asked []string
}

func newCluster(may ...string) *cluster {
	c := &cluster{Clientset: fake.NewClientset(), may: map[string]bool{}}
	for _, resource := range may {
		c.may[resource] = true
	}
	c.PrependReactor("create", "tokenreviews", func(action ktesting.Action) (bool, runtime.Object, error) {
		review := action.(ktesting.CreateAction).GetObject().(*authenticationv1.TokenReview)
		c.asked = append(c.asked, "token")
		review.Status.Authenticated = review.Spec.Token == "good"
		review.Status.User = authenticationv1.UserInfo{Username: "alice", Groups: []string{"ops"}, Extra: map[string]authenticationv1.ExtraValue{"a": {"b"}}}
		return true, review, c.failure()
	})
	c.PrependReactor("create", "subjectaccessreviews", func(action ktesting.Action) (bool, runtime.Object, error) {
		review := action.(ktesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview)
		who := fmt.Sprint(review.Spec.User, " ", strings.Join(review.Spec.Groups, ","), " ", review.Spec.Extra["a"], " ")
		review.Status.Denied = c.deny
		if asks := review.Spec.ResourceAttributes; asks != nil {
			c.asked = append(c.asked, who+asks.Verb+" "+asks.Group+"/"+asks.Resource+" in "+asks.Namespace)
			review.Status.Allowed = c.may[asks.Resource]
		} else {
			c.asked = append(c.asked, who+review.Spec.NonResourceAttributes.Verb+" "+review.Spec.NonResourceAttributes.Path)
			review.Status.Allowed = c.may[review.Spec.NonResourceAttributes.Path]
		}
		return true, review, nil
	})
	return c
}

func (c *cluster) failure() error {
	if c.down {
		return errors.New("connection refused, with Bearer good")
	}
	return nil
}

var (
	noon   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	rights = []Right{{Verb: "list", Resource: "apisixcertificates"}, {Verb: "get", Path: "/metrics"}}
	both   = []string{"apisixcertificates", "/metrics"}
)

func get(handler http.Handler, method, path string, headers ...string) *http.Response {
	request := httptest.NewRequest(method, path, nil)
	request.Header.Set(headers[0], headers[1])
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		name, header string
		may          []string
		status       int
	}{
		{"no token", "", both, 401},
		{"another scheme", "Basic Z29vZA==", both, 401},
		{"an empty token", "Bearer ", both, 401},
		{"an unknown token", "Bearer bad", both, 401},
		{"may list all", "Bearer good", both, 200},
		{"scheme in small letters", "bearer good", both, 200},
		{"may list none", "Bearer good", nil, 403},
		{"has one right of two", "Bearer good", []string{"apisixcertificates"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			kube := newCluster(c.may...)
			guard := &Guard{Rights: rights, Kube: kube, Clock: clocktesting.NewFakePassiveClock(noon)}
			answer := get(guard.Handler(hello), "GET", "/page/", "Authorization", c.header)
			if answer.StatusCode != c.status {
				t.Errorf("status %d, want %d", answer.StatusCode, c.status)
			}
			if (answer.Header.Get("WWW-Authenticate") != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate is %q", answer.Header.Get("WWW-Authenticate"))
			}
		})
	}
}

func TestQuestions(t *testing.T) {
	kube := newCluster(both...)
	clock := clocktesting.NewFakePassiveClock(noon)
	guard := &Guard{Rights: rights, Kube: kube, Clock: clock}
	want := []string{"token", "alice ops [b] list apisix-certs.io/apisixcertificates in ", "alice ops [b] get /metrics"}
	get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good")
	if diff := cmp.Diff(want, kube.asked); diff != "" {
		t.Error(diff)
	}
	clock.SetTime(noon.Add(verdictLife - time.Second))
	get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good")
	if len(kube.asked) != 3 {
		t.Errorf("asked again within a minute: %v", kube.asked[3:])
	}
	clock.SetTime(noon.Add(verdictLife))
	kube.may = nil
	if answer := get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good"); answer.StatusCode != 403 {
		t.Errorf("a right that was taken away holds after a minute: %d", answer.StatusCode)
	}
}

// What one authorizer allows and another denies is denied.
func TestDenied(t *testing.T) {
	kube := newCluster(both...)
	kube.deny = true
	guard := &Guard{Rights: rights, Kube: kube, Clock: clocktesting.NewFakePassiveClock(noon)}
	if answer := get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good"); answer.StatusCode != 403 {
		t.Errorf("status %d", answer.StatusCode)
	}
}

// While as many tokens are asked about as may be, others wait, and who goes away waits no longer.
func TestReviewsAreBounded(t *testing.T) {
	guard := &Guard{Rights: rights, Kube: newCluster(both...), Clock: clocktesting.NewFakePassiveClock(noon)}
	for range maxReviews {
		guard.slots() <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := guard.verdict(ctx, "good"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-guard.slots()
	if v, err := guard.verdict(t.Context(), "good"); err != nil || v.status != 200 || len(guard.slots()) != maxReviews-1 {
		t.Errorf("%+v, %v, %d slots are taken", v, err, len(guard.slots()))
	}
}

// An API server that does not answer lets nobody in, and is asked again; what it says is not passed on.
func TestClusterDown(t *testing.T) {
	kube := newCluster(both...)
	kube.down = true
	guard := &Guard{Rights: rights, Kube: kube, Clock: clocktesting.NewFakePassiveClock(noon)}
	answer := get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good")
	body, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != 503 || strings.Contains(string(body), "good") {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	kube.down = false
	if answer := get(guard.Handler(hello), "GET", "/page/", "Authorization", "Bearer good"); answer.StatusCode != 200 {
		t.Errorf("%d once it is back", answer.StatusCode)
	}
}

// Made-up tokens do not fill the memory.
func TestVerdictsAreBounded(t *testing.T) {
	guard := &Guard{Rights: rights, Kube: newCluster(), Clock: clocktesting.NewFakePassiveClock(noon)}
	guarded := guard.Handler(hello)
	for i := range maxVerdicts + 10 {
		get(guarded, "GET", "/page/", "Authorization", "Bearer "+strings.Repeat("x", i+1))
	}
	if n := len(guard.verdicts); n > maxVerdicts {
		t.Errorf("%d verdicts are remembered", n)
	}
}
