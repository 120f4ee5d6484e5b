{{/* The name of this release's parts. */}}
{{- define "holdfast.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* By what a part's pods are found: dict "root" $ "part" "socket-edge". */}}
{{- define "holdfast.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "holdfast.labels" -}}
{{ include "holdfast.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* dict "image" .Values.socketEdge.image "root" $ */}}
{{- define "holdfast.image" -}}
{{ .image.repository }}:{{ default .root.Chart.AppVersion .image.tag }}
{{- end -}}

{{- define "holdfast.redisSecret" -}}
{{- default (printf "%s-redis" (include "holdfast.fullname" .)) .Values.redis.existingSecret -}}
{{- end -}}

{{- define "holdfast.keysSecret" -}}
{{- default (printf "%s-api-keys" (include "holdfast.fullname" .)) .Values.apiKeys.existingSecret -}}
{{- end -}}

{{/* The variables that both services have. */}}
{{- define "holdfast.env" -}}
- name: LOG_LEVEL
  value: {{ .Values.logLevel | quote }}
- name: REDIS_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "holdfast.redisSecret" . | quote }}
      key: REDIS_URL
- name: REDIS_PREFIX
  value: {{ .Values.redis.prefix | quote }}
{{- with .Values.redis.clusterNodes }}
- name: REDIS_CLUSTER_NODES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.redis.sentinels }}
- name: REDIS_SENTINELS
  value: {{ join "," . | quote }}
- name: REDIS_SENTINEL_NAME
  value: {{ required "redis.sentinelName has to be set with redis.sentinels" $.Values.redis.sentinelName | quote }}
{{- end }}
{{- end -}}

{{/* Variables of the user's: a map. */}}
{{- define "holdfast.moreEnv" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "holdfast.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/*
Restarted when it does not answer at all; without traffic while it is not ready: an unreachable Redis is no reason to restart.
*/}}
{{- define "holdfast.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* One pod of a part on each node, and in each zone, as far as that can be had. */}}
{{- define "holdfast.spread" -}}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "holdfast.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}
