{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "apisix-certs.pod" -}}
serviceAccountName: {{ include "apisix-certs.serviceAccount" . }}
automountServiceAccountToken: true
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{ include "apisix-certs.container" . | indent 4 | trim }}
{{- with include "apisix-certs.volumes" . | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- include "apisix-certs.scheduling" . }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.hostNetwork }}
hostNetwork: true
{{- end }}
{{- end }}

{{- define "apisix-certs.container" -}}
name: controller
image: {{ include "apisix-certs.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  {{- include "apisix-certs.args" . | nindent 2 }}
env:
  - {name: GOGC, value: {{ .Values.go.gc | quote }}}
  {{- if .Values.go.memoryLimit }}
  - {name: GOMEMLIMIT, value: {{ .Values.go.memoryLimit | quote }}}
  {{- else if dig "limits" "memory" "" (.Values.resources | default dict) }}
  - {name: GOMEMLIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- if .Values.metrics.enabled }}
  - {name: metrics, containerPort: 8080}
  {{- end }}
  - {name: health, containerPort: 8081}
  {{- if and .Values.page.enabled .Values.page.service.enabled }}
  - {name: page, containerPort: 8089}
  {{- end }}
livenessProbe:
  httpGet: {path: /healthz, port: health}
  {{- with .Values.livenessProbe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
readinessProbe:
  httpGet: {path: /readyz, port: health}
  {{- with .Values.readinessProbe }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "apisix-certs.mounts" . | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "apisix-certs.volumes" -}}
{{- with .Values.apisix.adminTLS.caSecret }}
- name: admin-ca
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .Values.apisix.adminTLS.clientSecret }}
- name: admin-client
  secret: {secretName: {{ . }}}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "apisix-certs.mounts" -}}
{{- if .Values.apisix.adminTLS.caSecret }}
- {name: admin-ca, mountPath: /etc/apisix-certs/admin-ca, readOnly: true}
{{- end }}
{{- if .Values.apisix.adminTLS.clientSecret }}
- {name: admin-client, mountPath: /etc/apisix-certs/admin-client, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "apisix-certs.scheduling" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $selector := dict "labelSelector" (dict "matchLabels" (include "apisix-certs.selector" $ | fromYaml)) }}
  - {{ toYaml (merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $selector)) | indent 4 | trim }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- end }}
