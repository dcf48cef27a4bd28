{{- /* The Secret's name, where there is one. */}}
{{- define "spiderpool.controller.tlsSecret" -}}
{{- $tls := .Values.spiderpoolController.tls -}}
{{- if ne $tls.method "auto" -}}{{ $tls.secretName }}{{- end -}}
{{- end -}}
