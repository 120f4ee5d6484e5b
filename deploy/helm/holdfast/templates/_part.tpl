{{/* The objects around a Deployment: dict "root" $ "part" "socket-edge" "values" .Values.socketEdge "adminPort" 9701. */}}
{{- define "holdfast.around" -}}
{{- $name := printf "%s-%s" (include "holdfast.fullname" .root) .part }}
{{- $labels := include "holdfast.labels" . }}
{{- with .values }}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with .service.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ .service.type }}
  selector:
    {{- include "holdfast.selector" $ | nindent 4 }}
  ports:
    - { name: http, port: {{ .service.port }}, targetPort: http }
---
# Apart, so that a balancer before the other one never publishes it.
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}-admin
  labels:
    {{- $labels | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "holdfast.selector" $ | nindent 4 }}
  ports:
    - { name: admin, port: {{ $.adminPort }}, targetPort: admin }
{{- if .podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  maxUnavailable: {{ .podDisruptionBudget.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "holdfast.selector" $ | nindent 6 }}
{{- end }}
{{- if .ingress.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with .ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .ingress.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- with .ingress.tlsSecret }}
  tls:
    - secretName: {{ . | quote }}
      hosts:
        {{- toYaml $.values.ingress.hosts | nindent 8 }}
  {{- end }}
  rules:
    {{- range .ingress.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          {{- range $.values.ingress.paths }}
          - path: {{ .path | quote }}
            pathType: {{ .pathType }}
            backend: { service: { name: {{ $name }}, port: { name: http } } }
          {{- end }}
    {{- end }}
{{- end }}
{{- if .httpRoute.enabled }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ $name }}
  labels:
    {{- $labels | nindent 4 }}
  {{- with .httpRoute.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs:
    {{- toYaml .httpRoute.parentRefs | nindent 4 }}
  {{- with .httpRoute.hostnames }}
  hostnames:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    - matches:
        {{- range .httpRoute.paths }}
        - path: {{ toJson . }}
        {{- end }}
      backendRefs:
        - { name: {{ $name }}, port: {{ .service.port }} }
      {{- with .httpRoute.timeouts }}
      timeouts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
{{- end -}}
