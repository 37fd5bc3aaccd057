{{- define "gvList" -}}
<!-- Written by make generate from the types in api/v1alpha1. -->

# API reference

{{ range . }}
{{- template "gvDetails" . }}
{{- end }}
{{- end -}}
