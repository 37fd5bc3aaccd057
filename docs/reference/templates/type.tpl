{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type }}
## {{ $type.Name }}

{{ $type.Doc }}
{{- if $type.References }}

Used by {{ range $i, $r := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $r }}{{ end }}.
{{- end }}
{{- if $type.IsAlias }}

{{ range $i, $v := $type.EnumValues }}{{ if $i }}; {{ end }}`{{ $v.Name }}`: {{ $v.Doc | replace "\n" " " }}{{ end }}
{{- end }}
{{- if $type.Members }}

| field | type | meaning | limits |
|---|---|---|---|
{{- range $type.Members }}
{{- if not (and $type.GVK (or (eq .Name "kind") (eq .Name "apiVersion"))) }}
{{ template "member" . }}
{{- end }}
{{- end }}
{{- end }}
{{ end }}
{{- end -}}
{{- define "member" -}}
{{- $optional := false -}}{{- range .Validation }}{{ if hasPrefix "Optional" . }}{{ $optional = true }}{{ end }}{{ end -}}
| `{{ .Name }}` | {{ markdownRenderType .Type }} | {{ if eq .Name "metadata" }}Standard object metadata.{{ else }}{{ markdownRenderFieldDoc .Doc | replace "<br />" " " }}{{ end }} | {{ if not (or $optional (eq .Name "metadata" "status")) }}required{{ end }}{{ range .Validation }}{{ if not (or (hasPrefix "Optional" .) (hasPrefix "Required" .)) }} `{{ . | replace "|" "\\|" | replace "\n" " " | replace "`" "" }}`{{ end }}{{ end }} |
{{- end -}}
