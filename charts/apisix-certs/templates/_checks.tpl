{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Fails with all invalid values and their fixes. values.schema.json checks only types. */}}
{{- define "apisix-certs.check" -}}
{{- $current := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $known := merge (dict "global" "" "enabled" "") $current (.Files.Get "files/former.yaml" | fromYaml) }}
{{- $groups := dict }}
{{- range $path, $_ := $known }}
{{- $keys := splitList "." $path }}
{{- range $i, $_ := initial $keys }}
{{- $_ := set $groups (slice $keys 0 (add1 $i | int) | join ".") "" }}
{{- end }}
{{- end }}
{{- $problems := include "apisix-certs.unknown" (dict "values" .Values "prefix" "" "current" $current "known" $known "groups" $groups) }}
{{- $problems = printf "%s%s%s" $problems (include "apisix-certs.malformed" .) (include "apisix-certs.conflicts" .) }}
{{- if $problems }}
{{- fail (printf "invalid values:\n%s" (trim $problems)) }}
{{- end }}
{{- end }}

{{/* A line for each conflict of values. */}}
{{- define "apisix-certs.conflicts" -}}
{{- $key := .Values.apisix.adminKey -}}
{{- $issuer := .Values.clusterVaultIssuer -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and (include "apisix-certs.hasGateway" .) (not $key.value) (not $key.existingSecret) }}
apisix.adminKey: an admin key is required: set apisix.adminKey.existingSecret (or .value), or set apisix.adminService.name="" if the only gateways are those of GatewayProxy objects
{{- end }}
{{- if and $key.value $key.existingSecret }}
apisix.adminKey: value and existingSecret are mutually exclusive: remove one
{{- end }}
{{- if and (eq .Values.manage "all") (not (include "apisix-certs.defaultIssuer" .)) }}
manage: "all" requires a default issuer: set defaultIssuer to KIND/NAME, or clusterVaultIssuer.create=true
{{- end }}
{{- if $issuer.create }}
{{- range list "server" "path" "auth" }}
{{- if not (get ($issuer.spec | default dict) .) }}
clusterVaultIssuer.spec.{{ . }}: required: set it as in a ClusterVaultIssuer, or set clusterVaultIssuer.create=false
{{- end }}
{{- end }}
{{- end }}
{{- if and $budget.enabled (ne (toString $budget.minAvailable) "") (ne (toString $budget.maxUnavailable) "") }}
podDisruptionBudget: minAvailable and maxUnavailable are mutually exclusive: set one of them to ""
{{- end }}
{{- if and $budget.enabled (gt (int .Values.replicaCount) 1) (not (kindIs "string" $budget.minAvailable)) (ge (int $budget.minAvailable) (int .Values.replicaCount)) }}
podDisruptionBudget.minAvailable: {{ $budget.minAvailable }} of {{ .Values.replicaCount }} replicas blocks every node drain: set a lower value
{{- end }}
{{- if and (or .Values.serviceMonitor.enabled .Values.prometheusRule.enabled) (not .Values.metrics.enabled) }}
metrics.enabled: serviceMonitor and prometheusRule require metrics: set metrics.enabled=true
{{- end }}
{{- if regexMatch "^([0-9]([.][0-9]+)?s|[0-9.]+ms)$" (toString .Values.resyncPeriod) }}
resyncPeriod: invalid duration {{ .Values.resyncPeriod | quote }}: must be at least 10s
{{- end }}
{{- if ne (len .Values.watchNamespaces) (len (uniq .Values.watchNamespaces)) }}
watchNamespaces: contains duplicates: list each namespace once
{{- end }}
{{- if and .Values.page.service.enabled (not .Values.page.enabled) }}
page.service.enabled: the Service requires the status page: set page.enabled=true
{{- end }}
{{- if and .Values.page.enabled .Values.hostNetwork (not .Values.page.service.enabled) }}
page.enabled: with hostNetwork, every process on the node can read the status page: set page.service.enabled=true to require a token
{{- end }}
{{- if and .Values.namespaceSelector .Values.statusPolicy.enabled (not .Values.statusPolicy.serviceAccounts) }}
statusPolicy.serviceAccounts: required with namespaceSelector, because the policy denies status changes by other releases: list their ServiceAccounts as NAMESPACE/NAME, or {{ .Release.Namespace }}/{{ include "apisix-certs.serviceAccount" . }} if there is no other release
{{- end }}
{{- end }}
