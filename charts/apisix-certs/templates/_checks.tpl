{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Refuses values that cannot work, all at once, each with its fix. The schema has the types alone. */}}
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

{{/* Lines for values that do not go together. */}}
{{- define "apisix-certs.conflicts" -}}
{{- $key := .Values.apisix.adminKey -}}
{{- $issuer := .Values.clusterVaultIssuer -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and (include "apisix-certs.hasGateway" .) (not $key.value) (not $key.existingSecret) }}
apisix.adminKey: the Admin API needs its key: set apisix.adminKey.existingSecret (or .value), or apisix.adminService.name="" if all gateways are those of GatewayProxy objects
{{- end }}
{{- if and $key.value $key.existingSecret }}
apisix.adminKey: value and existingSecret exclude each other: remove one
{{- end }}
{{- if and (eq .Values.manage "all") (not (include "apisix-certs.defaultIssuer" .)) }}
manage: "all" needs an issuer for objects that name none: set defaultIssuer to KIND/NAME, or clusterVaultIssuer.create
{{- end }}
{{- if $issuer.create }}
{{- range list "server" "path" "auth" }}
{{- if not (get ($issuer.spec | default dict) .) }}
clusterVaultIssuer.spec.{{ . }}: missing: set it as in a ClusterVaultIssuer, or clusterVaultIssuer.create=false
{{- end }}
{{- end }}
{{- end }}
{{- if and $budget.enabled (ne (toString $budget.minAvailable) "") (ne (toString $budget.maxUnavailable) "") }}
podDisruptionBudget: minAvailable and maxUnavailable exclude each other: set one of them to ""
{{- end }}
{{- if and $budget.enabled (gt (int .Values.replicaCount) 1) (not (kindIs "string" $budget.minAvailable)) (ge (int $budget.minAvailable) (int .Values.replicaCount)) }}
podDisruptionBudget.minAvailable: {{ $budget.minAvailable }} of {{ .Values.replicaCount }} replicas would block the drain of every node: set it lower
{{- end }}
{{- if and (or .Values.serviceMonitor.enabled .Values.prometheusRule.enabled) (not .Values.metrics.enabled) }}
metrics.enabled: serviceMonitor and prometheusRule need metrics: set it to true
{{- end }}
{{- if regexMatch "^([0-9]([.][0-9]+)?s|[0-9.]+ms)$" (toString .Values.resyncPeriod) }}
resyncPeriod: {{ .Values.resyncPeriod }} is too short: must be at least 10s
{{- end }}
{{- if ne (len .Values.watchNamespaces) (len (uniq .Values.watchNamespaces)) }}
watchNamespaces: a namespace is listed twice: remove one
{{- end }}
{{- if and .Values.page.service.enabled (not .Values.page.enabled) }}
page.service.enabled: the Service needs the status page: set page.enabled=true
{{- end }}
{{- if and .Values.page.enabled .Values.hostNetwork (not .Values.page.service.enabled) }}
page.enabled: with hostNetwork every process on the node could read the status page: set page.service.enabled=true, so that readers need a token
{{- end }}
{{- if and .Values.namespaceSelector .Values.statusPolicy.enabled (not .Values.statusPolicy.serviceAccounts) }}
statusPolicy.serviceAccounts: with namespaceSelector other releases may share the cluster, whose writes of status would be refused: name their ServiceAccounts, NAMESPACE/NAME, or {{ .Release.Namespace }}/{{ include "apisix-certs.serviceAccount" . }} if there are none
{{- end }}
{{- end }}
