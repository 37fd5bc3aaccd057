{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "apisix-certs.chartName" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "apisix-certs.name" -}}
{{- $chart := include "apisix-certs.chartName" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else if contains $chart .Release.Name -}}
{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $chart | trunc 53 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{/* The name of cluster-scoped objects, which is unique across releases of the same name in different namespaces. */}}
{{- define "apisix-certs.clusterName" -}}
{{- $name := include "apisix-certs.name" . -}}
{{- if or (eq $name .Release.Namespace) .Values.fullnameOverride -}}
{{ $name }}
{{- else -}}
{{ printf "%s-%s" .Release.Namespace $name }}
{{- end -}}
{{- end }}

{{- define "apisix-certs.selector" -}}
app.kubernetes.io/name: {{ include "apisix-certs.chartName" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "apisix-certs.labels" -}}
{{ include "apisix-certs.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "apisix-certs.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "apisix-certs.name" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "apisix-certs.subject" -}}
- kind: ServiceAccount
  name: {{ include "apisix-certs.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "apisix-certs.image" -}}
{{- if .Values.image.digest -}}
{{ printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else -}}
{{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end -}}
{{- end }}

{{- define "apisix-certs.defaultIssuer" -}}
{{- if .Values.defaultIssuer -}}
{{ .Values.defaultIssuer }}
{{- else if .Values.clusterVaultIssuer.create -}}
{{ printf "ClusterVaultIssuer/%s" .Values.clusterVaultIssuer.name }}
{{- end -}}
{{- end }}

{{/* Not empty if the ClusterVaultIssuer cannot be created before the next upgrade. Helm looks up all kinds before it installs any,
     and its CRD is not installed yet. */}}
{{- define "apisix-certs.issuerWaits" -}}
{{- if and .Values.clusterVaultIssuer.create (not (.Capabilities.APIVersions.Has "apisix-certs.io/v1alpha1/ClusterVaultIssuer")) -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}yes{{ end -}}
{{- end -}}
{{- end }}

{{- define "apisix-certs.credentialsNamespace" -}}
{{ default .Release.Namespace .Values.clusterResourceNamespace }}
{{- end }}

{{/* The ServiceAccount with whose tokens the ClusterVaultIssuer logs in to Vault, or empty. */}}
{{- define "apisix-certs.issuerServiceAccount" -}}
{{- if .Values.clusterVaultIssuer.create -}}
{{- dig "auth" "kubernetes" "serviceAccountRef" "name" "" .Values.clusterVaultIssuer.spec -}}
{{- end -}}
{{- end }}

{{/* Not empty if the values configure a gateway, in addition to those of GatewayProxies. */}}
{{- define "apisix-certs.hasGateway" -}}
{{- if or .Values.apisix.adminURLs .Values.apisix.adminService.name }}yes{{ end -}}
{{- end }}

{{/* NAMESPACE/NAME:PORT of a Service. */}}
{{- define "apisix-certs.servicePort" -}}
{{ printf "%s/%s:%v" (default .namespace .service.namespace) .service.name .service.port }}
{{- end }}

{{/* NAMESPACE/NAME:KEY of the Secret with the admin key. */}}
{{- define "apisix-certs.adminKeySecret" -}}
{{- $key := .Values.apisix.adminKey -}}
{{- if $key.existingSecret -}}
{{ printf "%s/%s:%s" (default .Release.Namespace $key.existingSecretNamespace) $key.existingSecret $key.key }}
{{- else -}}
{{ printf "%s/%s-admin-key:%s" .Release.Namespace (include "apisix-certs.name" .) $key.key }}
{{- end -}}
{{- end }}

{{- define "apisix-certs.gatewayRules" -}}
- {apiGroups: [apisix.apache.org], resources: [gatewayproxies], verbs: [list, watch]}
- {apiGroups: [""], resources: [services], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}
{{- end }}

{{/* A Role in .namespace with .rules, and its RoleBinding. The name contains .part and the release namespace, because several
     releases can have Roles in one namespace. */}}
{{- define "apisix-certs.role" -}}
{{- $name := printf "%s-%s" (include "apisix-certs.clusterName" .root) .part }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "apisix-certs.labels" .root | nindent 4 }}
rules:
  {{- .rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "apisix-certs.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  {{- include "apisix-certs.subject" .root | nindent 2 }}
{{- end }}
