// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/cel"
	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan/plantest"
	certificatestatus "apisix-certs.io/apisix-certs/controllers/certificate/status"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

const gitOpsPage = "docs/gitops.md"

// healthRow is what the tools make of an object in a state. flux is by the expressions of the page, kstatus without them; an empty flux
// is an error, with which Flux waits on.
type healthRow struct {
	state         string
	object        runtime.Object
	argo          string
	kstatus, flux status.Status
}

// TestGitOpsPage runs the health checks that docs/gitops.md shows for Argo CD and Flux against objects in every state, with the
// Lua, CEL and kstatus of these tools.
func TestGitOpsPage(t *testing.T) {
	flux := fluxChecks(t)
	for _, row := range append(certificateRows(t), issuerRows()...) {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(row.object)
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := content["status"].(map[string]any); ok && len(s) == 0 {
			delete(content, "status") // as the API server has it before the first status
		}
		object := &unstructured.Unstructured{Object: content}
		t.Run(object.GetKind()+" "+row.state, func(t *testing.T) {
			if got := argoHealth(t, object); got != row.argo {
				t.Errorf("Argo CD: %s, want %s", got, row.argo)
			}
			generic, err := status.Compute(object)
			if err != nil || generic.Status != row.kstatus {
				t.Errorf("kstatus: %v %v, want %s", generic, err, row.kstatus)
			}
			got, err := flux[object.GetKind()].health(t, object)
			switch {
			case row.flux == "" && (err == nil || !strings.Contains(err.Error(), "no such attribute(s): status")):
				t.Errorf("Flux: %v %v, want an error for want of a status", got, err)
			case row.flux != "" && (err != nil || got != row.flux):
				t.Errorf("Flux: %v %v, want %s", got, err, row.flux)
			}
		})
	}
}

// certificateRows are certificates whose status the controller's own code makes.
func certificateRows(t *testing.T) []healthRow {
	t.Helper()
	after := func(s *plantest.Scene, done plan.Results) *v1alpha1.ApisixCertificate {
		p := s.Plan()
		cert := s.Cert.DeepCopy()
		cert.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ApisixCertificate"}
		cert.Status = *certificatestatus.Of(&s.Cert.Status, &s.Snapshot, &p, &done, s.Now)
		return cert
	}
	waits := func(reason string) plan.Results {
		return plan.Results{Err: &finding.Finding{Reason: reason, Message: "waits"}}
	}
	at := func(g gateway.Result) plan.Results {
		g.Name = "default"
		return plan.Results{Gateways: []gateway.Result{g}}
	}
	withGateway := func(s *plantest.Scene) {
		s.Gateways.At = []plan.GatewayState{{Gateway: &gateway.Gateway{Name: "default"}}}
	}
	fresh, ready := after(plantest.New(t), plan.Results{}), after(plantest.Issued(t), plan.Results{})
	fresh.Status = v1alpha1.ApisixCertificateStatus{}
	changed, deleted := ready.DeepCopy(), ready.DeepCopy()
	changed.Generation++
	deleted.DeletionTimestamp, deleted.Finalizers = &metav1.Time{Time: plantest.Now}, []string{v1alpha1.Finalizer}
	due := func(s *plantest.Scene) { s.Now = s.Now.Add(70 * plantest.Day) }
	refused := plan.Results{Err: &vault.Error{Op: "sign", Kind: vault.User, Message: "the role does not allow it"}}
	return []healthRow{
		{"just created", fresh, "Progressing", status.CurrentStatus, ""},
		{"being issued", after(plantest.New(t), plan.Results{}), "Progressing", status.InProgressStatus, status.InProgressStatus},
		{"ready", ready, "Healthy", status.CurrentStatus, status.CurrentStatus},
		{"changed", changed, "Progressing", status.InProgressStatus, status.InProgressStatus},
		{"refused", after(plantest.New(t), refused), "Degraded", status.InProgressStatus, status.FailedStatus},
		{"renewal fails", after(plantest.Issued(t, due), refused), "Healthy", status.CurrentStatus, status.CurrentStatus},
		{"waits for approval", after(plantest.New(t), waits(v1alpha1.ReasonWaitingForApproval)), "Suspended", status.InProgressStatus, status.InProgressStatus},
		{"waits for the ingress controller", after(plantest.Issued(t, withGateway), at(gateway.Result{Verb: gateway.ActionWait})), "Progressing", status.InProgressStatus, status.InProgressStatus},
		{"without its issuer", after(plantest.New(t, func(s *plantest.Scene) { s.Issuer.Request.Issuer = nil }), plan.Results{}), "Degraded", status.InProgressStatus, status.FailedStatus},
		{"being deleted", deleted, "Healthy", status.TerminatingStatus, status.InProgressStatus}, // Argo CD does not ask the script then
	}
}

func issuerRows() []healthRow {
	meta := metav1.ObjectMeta{Name: "vault", Namespace: "ns", Generation: 2}
	issuer := func(kind string, observed int64, ready metav1.ConditionStatus, reason string) runtime.Object {
		s := v1alpha1.VaultIssuerStatus{ObservedGeneration: observed}
		if ready != "" {
			s.Conditions = []metav1.Condition{
				{Type: v1alpha1.ConditionReady, Status: ready, Reason: reason, LastTransitionTime: metav1.NewTime(time.Unix(0, 0))},
			}
		}
		types := metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
		if kind == v1alpha1.KindVaultIssuer {
			return &v1alpha1.VaultIssuer{TypeMeta: types, ObjectMeta: meta, Status: s}
		}
		return &v1alpha1.ClusterVaultIssuer{TypeMeta: types, ObjectMeta: meta, Status: s}
	}
	var rows []healthRow
	for _, kind := range []string{v1alpha1.KindVaultIssuer, v1alpha1.KindClusterVaultIssuer} {
		rows = append(rows,
			healthRow{"just created", issuer(kind, 0, "", ""), "Progressing", status.CurrentStatus, ""},
			healthRow{"ready", issuer(kind, 2, metav1.ConditionTrue, v1alpha1.ReasonVaultReady), "Healthy", status.CurrentStatus, status.CurrentStatus},
			healthRow{"refused", issuer(kind, 2, metav1.ConditionFalse, v1alpha1.ReasonVaultRefused), "Degraded", status.InProgressStatus, status.InProgressStatus},
			healthRow{"changed", issuer(kind, 1, metav1.ConditionTrue, v1alpha1.ReasonVaultReady), "Progressing", status.InProgressStatus, status.InProgressStatus},
		)
	}
	return rows
}

// argoHealth runs the page's script for the object as Argo CD does, and checks that the answer is one that it takes.
func argoHealth(t *testing.T, object *unstructured.Unstructured) string {
	t.Helper()
	var config struct{ Data map[string]string }
	unmarshalBlock(t, "kind: ConfigMap", &config)
	script := config.Data["resource.customizations.health."+v1alpha1.GroupVersion.Group+"_"+object.GetKind()]
	if script == "" {
		t.Fatalf("%s has no health check for %s", gitOpsPage, object.GetKind())
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString} {
		l.Push(l.NewFunction(open))
		l.Push(lua.LString(name))
		l.Call(1, 0)
	}
	l.SetGlobal("obj", luaValue(l, object.Object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	health, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the script returns %v", l.Get(-1))
	}
	return health.RawGetString("status").String()
}

func luaValue(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, luaValue(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(luaValue(l, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	}
	return lua.LNil
}

// fluxCheck is an entry of spec.healthCheckExprs.
type fluxCheck struct{ Kind, InProgress, Failed, Current string }

// fluxChecks are the page's expressions by kind.
func fluxChecks(t *testing.T) map[string]fluxCheck {
	t.Helper()
	var kustomization struct {
		Spec struct{ HealthCheckExprs []fluxCheck }
	}
	unmarshalBlock(t, "healthCheckExprs:", &kustomization)
	checks := map[string]fluxCheck{}
	for _, check := range kustomization.Spec.HealthCheckExprs {
		checks[check.Kind] = check
	}
	return checks
}

// health is what Flux makes of the object, by RFC 0009 of Flux: first status.observedGeneration, then inProgress, failed and current.
func (c fluxCheck) health(t *testing.T, object *unstructured.Unstructured) (status.Status, error) {
	t.Helper()
	observed, ok, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	if ok && observed != object.GetGeneration() {
		return status.InProgressStatus, nil
	}
	env, err := cel.NewEnv(cel.HomogeneousAggregateLiterals(), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes())
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []struct {
		expression string
		means      status.Status
	}{{c.InProgress, status.InProgressStatus}, {c.Failed, status.FailedStatus}, {c.Current, status.CurrentStatus}} {
		if rule.expression == "" {
			continue
		}
		parsed, issues := env.Parse(rule.expression)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		program, err := env.Program(parsed)
		if err != nil {
			t.Fatal(err)
		}
		switch is, _, err := program.Eval(object.Object); {
		case err != nil:
			return "", err
		case is.Value() == true:
			return rule.means, nil
		}
	}
	return status.InProgressStatus, nil
}

// unmarshalBlock reads the page's block of YAML with a text in it.
func unmarshalBlock(t *testing.T, text string, into any) {
	t.Helper()
	for _, b := range blocks(t, gitOpsPage, "yaml") {
		if strings.Contains(b.text, text) {
			if err := yaml.Unmarshal([]byte(b.text), into); err != nil {
				t.Fatalf("%s:%d: %v", gitOpsPage, b.line, err)
			}
			return
		}
	}
	t.Fatalf("%s has no block with %q", gitOpsPage, text)
}
