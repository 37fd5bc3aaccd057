// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

// With ci/openshift-values.yaml, also on top of all else, Pods are admitted by the SecurityContextConstraints restricted-v2. As the
// chart comes they are not, for OpenShift assigns the users itself.
func TestOpenShift(t *testing.T) {
	everything := sets(t)["full"]
	everything["hostNetwork"], everything["podSecurityContext"] = false, sets(t)["openshift"]["podSecurityContext"]
	for _, c := range []struct {
		name   string
		values map[string]any
		want   []string
	}{
		{"openshift", sets(t)["openshift"], nil},
		{"openshift and all else", everything, nil},
		{"default", values(t, good), []string{"runAsUser 65532", "fsGroup 65532"}},
		{"host", chartutil.CoalesceTables(values(t, `
hostNetwork: true
page: {enabled: false}
securityContext: {allowPrivilegeEscalation: true, capabilities: {drop: null, add: [NET_ADMIN]}}
extraVolumes: [{name: logs, hostPath: {path: /var/log}}]
`), sets(t)["openshift"]), []string{
			"host namespace", "volume logs", "controller: allowPrivilegeEscalation", "controller: capability NET_ADMIN", "controller: capabilities are not dropped", "controller: host port",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			pods := podsOf(t, render(t, Release{Values: c.values}))
			if len(pods) == 0 {
				t.Fatal("there are no Pods")
			}
			for _, pod := range pods {
				if got := refusedByRestrictedV2(t, &pod); !slices.Equal(got, c.want) {
					t.Errorf("refused for %q, want %q", got, c.want)
				}
			}
		})
	}
}

// podsOf are the Pods of the Deployments, which are all that the chart runs; another kind of workload fails the test.
func podsOf(t *testing.T, r *Rendered) []corev1.PodSpec {
	t.Helper()
	var pods []corev1.PodSpec
	for _, object := range r.Objects {
		switch object.GetKind() {
		case "Deployment":
			var deployment appsv1.Deployment
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
				t.Fatal(err)
			}
			// As the API server defaults it.
			pod := deployment.Spec.Template.Spec
			for i := range pod.Containers {
				for j := range pod.Containers[i].Ports {
					if pod.HostNetwork {
						pod.Containers[i].Ports[j].HostPort = pod.Containers[i].Ports[j].ContainerPort
					}
				}
			}
			pods = append(pods, pod)
		case "Pod", "Job", "CronJob", "DaemonSet", "StatefulSet":
			t.Errorf("nothing checks the Pods of %s %s", object.GetKind(), object.GetName())
		}
	}
	return pods
}

// refusedByRestrictedV2 are the fields for which restricted-v2 of OpenShift 4.11 and later refuses a Pod, by its fields
// allowHost*, volumes, runAsUser (MustRunAsRange), fsGroup and seLinuxContext (MustRunAs), seccompProfiles,
// allowedCapabilities and requiredDropCapabilities. The range is that of a namespace.
func refusedByRestrictedV2(t *testing.T, pod *corev1.PodSpec) []string {
	t.Helper()
	var refused []string
	refuse := func(when bool, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); when && !slices.Contains(refused, text) {
			refused = append(refused, text)
		}
	}
	context := ptr.Deref(pod.SecurityContext, corev1.PodSecurityContext{})
	refuse(pod.HostNetwork || pod.HostPID || pod.HostIPC, "host namespace")
	refuse(outside(context.RunAsUser), "runAsUser %d", ptr.Deref(context.RunAsUser, 0))
	refuse(outside(context.FSGroup), "fsGroup %d", ptr.Deref(context.FSGroup, 0))
	refuse(context.SELinuxOptions != nil, "seLinuxOptions")
	refuse(context.SeccompProfile != nil && context.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault, "seccompProfile")
	refuse(len(context.Sysctls) > 0, "sysctls")
	for _, volume := range pod.Volumes {
		refuse(!admittedVolume(t, &volume), "volume %s", volume.Name)
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		own := ptr.Deref(c.SecurityContext, corev1.SecurityContext{})
		capabilities := ptr.Deref(own.Capabilities, corev1.Capabilities{})
		refuse(ptr.Deref(own.Privileged, false), "%s: privileged", c.Name)
		refuse(ptr.Deref(own.AllowPrivilegeEscalation, false), "%s: allowPrivilegeEscalation", c.Name)
		refuse(outside(own.RunAsUser), "%s: runAsUser", c.Name)
		refuse(own.SELinuxOptions != nil, "%s: seLinuxOptions", c.Name)
		refuse(own.SeccompProfile != nil && own.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault, "%s: seccompProfile", c.Name)
		for _, capability := range capabilities.Add {
			refuse(capability != "NET_BIND_SERVICE", "%s: capability %s", c.Name, capability)
		}
		// The SCC drops ALL by itself; the Pod Security standard restricted, which namespaces enforce beside it, wants it said.
		refuse(!slices.Contains(capabilities.Drop, "ALL"), "%s: capabilities are not dropped", c.Name)
		for _, port := range c.Ports {
			refuse(port.HostPort != 0, "%s: host port", c.Name)
		}
	}
	return refused
}

// outside reports whether an ID is set and not of the namespace's range, such as that of the annotation
// openshift.io/sa.scc.uid-range: 1000680000/10000.
func outside(id *int64) bool { return id != nil && (*id < 1000680000 || *id >= 1000690000) }

// admittedVolume reports whether restricted-v2 admits a volume of this type.
func admittedVolume(t *testing.T, volume *corev1.Volume) bool {
	t.Helper()
	text, err := yaml.Marshal(volume.VolumeSource)
	if err != nil {
		t.Fatal(err)
	}
	for kind := range values(t, string(text)) {
		if !slices.Contains([]string{"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}, kind) {
			return false
		}
	}
	return true
}
