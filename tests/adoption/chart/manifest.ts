/** An object of Kubernetes, with what the tests look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Spec;
}

interface Spec {
  readonly replicas?: number;
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template?: { readonly metadata: Manifest['metadata']; readonly spec: Pod };
  readonly type?: string;
  readonly clusterIP?: string;
  readonly ports?: readonly { readonly name: string; readonly targetPort: string }[];
  readonly rules?: readonly Rule[];
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
  readonly endpoints?: readonly { readonly port: string }[];
  readonly podMetricsEndpoints?: readonly { readonly port: string }[];
  readonly metrics?: readonly { readonly pods?: unknown }[];
  readonly accessModes?: readonly string[];
}

/** Of an Ingress, or of an HTTPRoute. */
interface Rule {
  readonly http?: { readonly paths: readonly { readonly path: string }[] };
  readonly matches?: readonly { readonly path: { readonly value: string } }[];
}

interface PolicyRule {
  readonly ports: readonly { readonly port: number }[];
  readonly from?: readonly unknown[];
  readonly to?: readonly unknown[];
}

export interface Pod {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string }[];
  readonly terminationGracePeriodSeconds: number;
}

export interface Container {
  readonly command?: readonly string[];
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports: readonly { readonly name: string }[];
  readonly securityContext: unknown;
  readonly lifecycle: unknown;
  readonly volumeMounts?: readonly Mount[];
}

export interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
}
