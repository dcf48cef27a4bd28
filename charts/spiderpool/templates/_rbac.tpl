{{/* A service account: dict "root" $ "name" NAME "annotations" MAP. */}}
{{- define "spiderpool.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  {{- include "spiderpool.metadata" (dict "root" .root "component" .name "annotations" .annotations) | nindent 2 }}
{{- end -}}

{{/* What a component's service account NAME is bound to: dict "root" $ "name" NAME "role" ROLE ["namespace" NAMESPACE, a Role of that]. */}}
{{- define "spiderpool.binding" -}}
{{- $kind := ternary "Role" "ClusterRole" (hasKey . "namespace") -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ .role }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  {{- include "spiderpool.metadata" (dict "root" .root "component" .name) | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: {{ $kind }}, name: {{ .role }}}
subjects: [{kind: ServiceAccount, name: {{ .name }}, namespace: {{ .root.Release.Namespace }}}]
{{- end -}}

{{/*
The rights of agent or controller: its rules of files/rbac, those of third-party ClusterRoles that are labelled for it, leading by a
Lease, and looking at nodes' Leases. dict "root" $ "who" "agent" or "controller" "values" MAP "lease" NAME.
*/}}
{{- define "spiderpool.rbac" -}}
{{- $name := .values.name -}}
{{- $metadata := include "spiderpool.metadata" (dict "root" .root "component" $name) -}}
{{- if .values.serviceAccount.create }}
{{ include "spiderpool.account" (dict "root" .root "name" $name "annotations" .values.serviceAccount.annotations) }}
---
{{- end }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}
  {{- $metadata | nindent 2 }}
rules:
  {{- tpl (.root.Files.Get (printf "files/rbac/%s.yaml" .who)) .root | nindent 2 }}
---
{{ include "spiderpool.binding" (dict "root" .root "name" $name "role" $name) }}
---
# Kinds that Spiderpool does not know: the rules of every ClusterRole with this label.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}-third-party
  {{- $metadata | nindent 2 }}
aggregationRule:
  clusterRoleSelectors:
    - matchLabels: {spiderpool.spidernet.io/aggregate-to-{{ .who }}: "true"}
rules: []
---
{{ include "spiderpool.binding" (dict "root" .root "name" $name "role" (printf "%s-third-party" $name)) }}
---
# Who leads. A creation cannot be limited to a name.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ .root.Release.Namespace }}
  {{- $metadata | nindent 2 }}
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [create]
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    resourceNames: [{{ .lease }}]
    verbs: [get, update]
---
{{ include "spiderpool.binding" (dict "root" .root "name" $name "role" $name "namespace" .root.Release.Namespace) }}
---
# Which nodes are silent.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: kube-node-lease
  {{- $metadata | nindent 2 }}
rules:
  - apiGroups: [coordination.k8s.io]
    resources: [leases]
    verbs: [get]
---
{{ include "spiderpool.binding" (dict "root" .root "name" $name "role" $name "namespace" "kube-node-lease") }}
{{- end -}}

{{/* A ClusterRole that is added to the rights of agents or controller: dict "root" $ "who" WHO "name" NAME "of" NAME "rule" MAP. */}}
{{- define "spiderpool.thirdParty" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ .name }}
  {{- include "spiderpool.metadata" (dict "root" .root "component" .of "labels" (dict (printf "spiderpool.spidernet.io/aggregate-to-%s" .who) "true")) | nindent 2 }}
rules:
  - {{ toJson .rule }}
{{- end -}}
