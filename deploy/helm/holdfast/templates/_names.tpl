{{/* The name of this release's parts. */}}
{{- define "holdfast.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 44 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 44 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* By what a part's pods are found: dict "root" $ "part" "socket-edge". */}}
{{- define "holdfast.selector" -}}
{{ include "holdfast.releaseSelector" .root }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{/* By what all pods of this release are found. */}}
{{- define "holdfast.releaseSelector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "holdfast.labels" -}}
{{ include "holdfast.selector" . }}
{{ include "holdfast.commonLabels" .root }}
{{- end -}}

{{/* Of what belongs to no part. */}}
{{- define "holdfast.releaseLabels" -}}
{{ include "holdfast.releaseSelector" . }}
{{ include "holdfast.commonLabels" . }}
{{- end -}}

{{- define "holdfast.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* dict "image" .Values.socketEdge.image "root" $ */}}
{{- define "holdfast.image" -}}
{{- $registry := default .image.registry .root.Values.global.imageRegistry -}}
{{- $name := empty $registry | ternary .image.repository (printf "%s/%s" $registry .image.repository) -}}
{{- if .image.digest -}}
{{ printf "%s@%s" $name .image.digest }}
{{- else -}}
{{ printf "%s:%s" $name (default .root.Chart.AppVersion .image.tag) }}
{{- end -}}
{{- end -}}

{{- define "holdfast.redisSecret" -}}
{{- default (printf "%s-redis" (include "holdfast.fullname" .)) .Values.redis.existingSecret -}}
{{- end -}}

{{/* Whether the chart makes the Secret of the Redis: with passwordSecret the URL holds no secret. */}}
{{- define "holdfast.makesRedisSecret" -}}
{{- if not (or .Values.redis.existingSecret .Values.redis.passwordSecret) }}true{{ end -}}
{{- end -}}

{{- define "holdfast.keysSecret" -}}
{{- default (printf "%s-api-keys" (include "holdfast.fullname" .)) .Values.apiKeys.existingSecret -}}
{{- end -}}

{{- define "holdfast.keysClaim" -}}
{{- default (printf "%s-api-keys" (include "holdfast.fullname" .)) .Values.apiKeys.writable.existingClaim -}}
{{- end -}}

{{- define "holdfast.serviceAccount" -}}
{{- $own := .Values.serviceAccount.create | ternary (include "holdfast.fullname" .) "default" -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{/* Where clients connect: named, or that of the first host, or that of the Service. */}}
{{- define "holdfast.advertiseUrl" -}}
{{- $edge := .Values.socketEdge -}}
{{- if $edge.advertiseUrl -}}
{{ $edge.advertiseUrl }}
{{- else if and $edge.ingress.enabled $edge.ingress.hosts -}}
{{ empty $edge.ingress.tlsSecret | ternary "ws" "wss" }}://{{ first $edge.ingress.hosts }}
{{- else if and $edge.httpRoute.enabled $edge.httpRoute.hostnames -}}
wss://{{ first $edge.httpRoute.hostnames }}
{{- else -}}
ws://{{ include "holdfast.fullname" . }}-socket-edge.{{ .Release.Namespace }}.svc:{{ $edge.service.port }}
{{- end -}}
{{- end -}}
