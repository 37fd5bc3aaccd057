{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* What the schema cannot say, each with its mend. Lines, none where all is well. */}}
{{- define "apisix-certs.problems" -}}
{{- $key := .Values.apisix.adminKey -}}
{{- $issuer := .Values.clusterVaultIssuer -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and (include "apisix-certs.hasGateway" .) (not $key.value) (not $key.existingSecret) }}
apisix.adminKey: the Admin API needs its key: set apisix.adminKey.existingSecret (or .value), or apisix.adminService.name="" where GatewayProxy objects tell of all gateways
{{- end }}
{{- if and $key.value $key.existingSecret }}
apisix.adminKey: value and existingSecret exclude each other: keep one
{{- end }}
{{- if and (eq .Values.manage "all") (not (include "apisix-certs.defaultIssuer" .)) }}
manage: all needs an issuer for objects that name none: set defaultIssuer to KIND/NAME, or clusterVaultIssuer.create
{{- end }}
{{- if $issuer.create }}
{{- range list "server" "path" "auth" }}
{{- if not (get $issuer.spec .) }}
clusterVaultIssuer.spec.{{ . }}: is missing: set it as in a ClusterVaultIssuer, or clusterVaultIssuer.create=false
{{- end }}
{{- end }}
{{- end }}
{{- if and $budget.enabled (ne (toString $budget.minAvailable) "") (ne (toString $budget.maxUnavailable) "") }}
podDisruptionBudget: minAvailable and maxUnavailable exclude each other: set one of them to ""
{{- end }}
{{- if and $budget.enabled (gt (int .Values.replicaCount) 1) (not (kindIs "string" $budget.minAvailable)) (ge (int $budget.minAvailable) (int .Values.replicaCount)) }}
podDisruptionBudget.minAvailable: {{ $budget.minAvailable }} of {{ .Values.replicaCount }} replicas would keep every node from being drained: set it lower
{{- end }}
{{- if and (or .Values.serviceMonitor.enabled .Values.prometheusRule.enabled) (not .Values.metrics.enabled) }}
metrics.enabled: serviceMonitor and prometheusRule need metrics: set it to true
{{- end }}
{{- if and .Values.page.service.enabled (not .Values.page.enabled) }}
page.service.enabled: there is no page to make a Service of: set page.enabled=true
{{- end }}
{{- if and .Values.page.enabled .Values.hostNetwork (not .Values.page.service.enabled) }}
page.enabled: with hostNetwork whatever runs on the node could read the page: set page.service.enabled=true, so that it asks for a token
{{- end }}
{{- $status := .Values.statusPolicy | default dict -}}
{{- if and .Values.namespaceSelector $status.enabled (not $status.serviceAccounts) }}
statusPolicy.serviceAccounts: with namespaceSelector other releases may share the cluster, whose writes of status would be refused: name their ServiceAccounts, NAMESPACE/NAME, or {{ .Release.Namespace }}/{{ include "apisix-certs.serviceAccount" . }} where there are none
{{- end }}
{{- end }}

{{- define "apisix-certs.check" -}}
{{- with include "apisix-certs.problems" . | trim }}
{{- fail (printf "these values do not work:\n%s" .) }}
{{- end }}
{{- end }}
