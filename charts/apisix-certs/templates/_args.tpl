{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "apisix-certs.args" -}}
- controller
- --namespace={{ .Release.Namespace }}
{{- if include "apisix-certs.hasGateway" . }}
{{ include "apisix-certs.gatewayArgs" . | trim }}
{{- end }}
{{- with .Values.apisix.adminTLS.caSecret }}
- --apisix-admin-ca-file=/etc/apisix-certs/admin-ca/ca.crt
{{- end }}
{{- with .Values.apisix.adminTLS.clientSecret }}
- --apisix-admin-client-cert-file=/etc/apisix-certs/admin-client/tls.crt
- --apisix-admin-client-key-file=/etc/apisix-certs/admin-client/tls.key
{{- end }}
- --push-mode={{ .Values.pushMode }}
- --manage={{ .Values.manage }}
{{- with include "apisix-certs.defaultIssuer" . }}
- --default-issuer={{ . }}
{{- end }}
{{- with .Values.ingressClass }}
- --ingress-class={{ . }}
{{- end }}
{{- with .Values.namespaceSelector }}
- --namespace-selector={{ . }}
{{- end }}
{{- with .Values.watchNamespaces }}
- --watch-namespaces={{ join "," . }}
{{- end }}
- --lease-name={{ include "apisix-certs.name" . }}
{{- with .Values.clusterName }}
- --cluster-name={{ . }}
{{- end }}
{{- with .Values.clusterResourceNamespace }}
- --cluster-resource-namespace={{ . }}
{{- end }}
{{- with .Values.certManagerClusterResourceNamespace }}
- --cert-manager-cluster-resource-namespace={{ . }}
{{- end }}
{{- with .Values.vaultServers }}
- {{ printf "--vault-servers=%s" (join "," .) | quote }}
{{- end }}
{{- with .Values.vaultAudiences }}
- {{ printf "--vault-audiences=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.requirePolicy }}
- --require-policy
{{- end }}
- --workers={{ .Values.workers }}
- --resync-period={{ .Values.resyncPeriod }}
- --ca-expiry-warning={{ .Values.caExpiryWarning }}
- --ca-rotation-spread={{ .Values.caRotationSpread }}
- --name-reservation={{ .Values.nameReservation }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- if .Values.page.enabled }}
- --page-bind-address={{ ternary "" "127.0.0.1" .Values.page.service.enabled }}:8089
{{- end }}
- --metrics-bind-address={{ ternary ":8080" "0" .Values.metrics.enabled }}
{{- if .Values.metrics.secure }}
- --metrics-secure
{{- end }}
- --health-probe-bind-address=:8081
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* The flags of the gateway that is not from a GatewayProxy. */}}
{{- define "apisix-certs.gatewayArgs" -}}
{{- $apisix := .Values.apisix -}}
{{- range $apisix.adminURLs }}
- --apisix-admin-url={{ . }}
{{- else }}
- --apisix-admin-service={{ include "apisix-certs.servicePort" (dict "service" $apisix.adminService "namespace" .Release.Namespace) }}
{{- end }}
- --apisix-admin-key-secret={{ include "apisix-certs.adminKeySecret" . }}
{{- range $apisix.tlsAddrs }}
- --apisix-tls-addr={{ . }}
{{- else }}
{{- if $apisix.tlsService.name }}
- --apisix-tls-service={{ include "apisix-certs.servicePort" (dict "service" $apisix.tlsService "namespace" .Release.Namespace) }}
{{- end }}
{{- end }}
{{- end }}
